// Changes over HTTP: shown first, then made, written down, and never against a label that closes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFixture, secrets } from './fixture.ts';

const headers = { authorization: `Bearer ${secrets.token}` };

function choose(fixture: ReturnType<typeof createFixture>, body: object, query = '') {
  return fixture.app.inject({ method: 'POST', url: `/api/services/choice${query}`, headers, body });
}

describe('changes', () => {
  test('a plan shows what would come of it and changes nothing', async () => {
    const fixture = createFixture();
    const shown = (
      await choose(fixture, { id: 'docker/idle', action: 'expose', hostname: 'box' }, '?plan=true')
    ).json();
    assert.equal(shown.isPlan, true);
    assert.deepEqual(shown.service.hostnames, ['box.localhost']);
    assert.ok(shown.changes.some(({ what }: { what: string }) => what.startsWith('box.localhost')));
    assert.deepEqual(fixture.passes, []);
    assert.ok(!existsSync(join(fixture.dataDir, 'choices.json')));
    assert.ok(!existsSync(join(fixture.dataDir, 'activity.jsonl')));
  });

  test('what is done is kept, carried out by a pass that says who asked, and in the activity', async () => {
    const fixture = createFixture();
    const done = (await choose(fixture, { id: 'docker/idle', action: 'expose', access: 'family' })).json();
    assert.equal(done.service.published, true);
    assert.equal(done.revision, 4);
    assert.deepEqual(fixture.passes, ['expose docker/idle, asked for by command line']);
    const kept = JSON.parse(readFileSync(join(fixture.dataDir, 'choices.json'), 'utf8'));
    assert.deepEqual(kept.services, { 'docker/idle': { enable: true, access: 'family' } });
    const { activity } = (await fixture.app.inject({ url: '/api/activity?id=docker/idle', headers })).json();
    assert.equal(activity[0].what, 'expose docker/idle');
    assert.equal(activity[0].by, 'command line');
    await choose(fixture, { id: 'docker/idle', action: 'change', hostname: 'box' });
    assert.deepEqual(fixture.options.program.choices.read().services['docker/idle'], {
      enable: true,
      access: 'family',
      hostname: 'box',
    });
    await choose(fixture, { id: 'docker/idle', action: 'forget' });
    assert.deepEqual(fixture.options.program.choices.read().services, {});
  });

  test('a label that closes wins, and no choice against it stays', async () => {
    const fixture = createFixture();
    for (const query of ['?plan=true', '']) {
      const refused = await choose(fixture, { id: 'docker/closed', action: 'expose' }, query);
      assert.equal(refused.statusCode, 409);
      assert.match(refused.json().error.message, /enable=false/);
    }
    assert.deepEqual(fixture.options.program.choices.read().services, {});
  });

  test('names are adopted and released, only in zones of ours', async () => {
    const fixture = createFixture();
    const decide = (hostname: string, decision: string) =>
      fixture.app.inject({ method: 'POST', url: '/api/names/decision', headers, body: { hostname, decision } });
    assert.equal((await decide('wiki', 'adopt')).statusCode, 200);
    assert.deepEqual(fixture.options.program.choices.read().adopted, ['wiki.localhost']);
    assert.equal((await decide('wiki', 'release')).statusCode, 200);
    assert.deepEqual(fixture.options.program.choices.read().released, ['wiki.localhost']);
    assert.equal((await decide('wiki.example.org', 'adopt')).statusCode, 400);
  });
});
