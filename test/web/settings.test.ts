// The settings over HTTP: masked, checked whole, saved with their comments, and never worth more than the page.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFixture, secrets } from './fixture.ts';

const headers = { authorization: `Bearer ${secrets.token}` };
const text = `# mine
cloudflare:
  api_token: ${secrets.apiToken} # from the dashboard
  tokens:
    - { zones: [a.example], api_token: secret-of-a-a-a }
    - { zones: [b.example], api_token: secret-of-b-b-b }
services:
  - { name: nas, service: 'http://me:${secrets.origin}@10.0.0.2' }
mode: sync # why
`;

function save(fixture: ReturnType<typeof createFixture>, values: object, query = '') {
  return fixture.app.inject({ method: 'PUT', url: `/api/settings${query}`, headers, body: { values } });
}

async function shown(fixture: ReturnType<typeof createFixture>) {
  return (await fixture.app.inject({ url: '/api/settings', headers })).json();
}

function kept({ dataDir }: ReturnType<typeof createFixture>): string {
  return readFileSync(join(dataDir, 'sallyport.yml'), 'utf8');
}

describe('the settings', () => {
  test('are shown with every secret masked', async () => {
    const { values, isWritable, onlyInFile } = await shown(createFixture({ settings: text }));
    assert.equal(values.cloudflare.api_token, '[secret]');
    assert.deepEqual(values.cloudflare.tokens[1], { zones: ['b.example'], api_token: '[secret]' });
    assert.equal(values.services[0].service, 'http://…@10.0.0.2');
    assert.equal(isWritable, true);
    assert.ok(onlyInFile.includes('cloudflare.api_url') && onlyInFile.includes('plugins.allow_code'));
  });

  test('are saved with comments and secrets as they were, and say what needs a restart', async () => {
    const fixture = createFixture({ settings: text });
    const { values } = await shown(fixture);
    const wanted = { ...values, mode: 'dry-run', domain: 'example.com' };
    const plan = (await save(fixture, wanted, '?plan=true')).json();
    assert.equal(kept(fixture), text);
    const done = (await save(fixture, wanted)).json();
    assert.deepEqual({ ...plan, isPlan: false }, done);
    assert.deepEqual(
      new Map(done.changed.map(({ key, needsRestart }: { key: string; needsRestart: boolean }) => [key, needsRestart])),
      new Map([
        ['domain', true],
        ['mode', false],
      ]),
    );
    for (const part of ['# mine', '# from the dashboard', '# why', secrets.apiToken, secrets.origin, 'mode: dry-run'])
      assert.ok(kept(fixture).includes(part), part);
    assert.ok(!existsSync(join(fixture.dataDir, 'sallyport.yml.new')));
  });

  test('a secret stays with what it belongs to when a list is cut or sorted', async () => {
    const fixture = createFixture({ settings: text });
    const { values } = await shown(fixture);
    const [, second] = values.cloudflare.tokens;
    const cloudflare = { ...values.cloudflare, tokens: [second] };
    // Those that look alike but for their secret are told apart by what they are for.
    assert.equal((await save(fixture, { ...values, cloudflare })).statusCode, 200);
    assert.ok(kept(fixture).includes('secret-of-b-b-b') && !kept(fixture).includes('secret-of-a-a-a'));
  });

  test('a hidden secret does not go where it was not', async () => {
    const fixture = createFixture({ settings: text });
    const { values } = await shown(fixture);
    const services = [{ name: 'nas', service: 'http://…@evil.example' }];
    const moved = await save(fixture, { ...values, services });
    assert.equal(moved.statusCode, 400);
    assert.match(moved.json().error.message, /secret/);
    assert.equal(kept(fixture), text);
  });

  const onlyInFile = [
    { plugins: { dir: '/tmp', allow_code: true } },
    { data_dir: '/tmp' },
    { cloudflare: { api_token: '[secret]', api_url: 'http://evil.example' } },
    { cloudflare: { api_token: '[secret]', edge: ['evil.example:7844'] } },
    { cloudflare: { api_token_file: '/etc/shadow' } },
    { docker: { endpoints: ['ssh://evil.example'] } },
    { web: { ingress_proxy: '10.0.0.1' } },
    { web: { password_hash_file: '/etc/passwd' } },
    { services: [{ name: 'a', service: 'https://10.0.0.1', origin: { caPool: '/etc/shadow' } }] },
  ];
  for (const values of onlyInFile)
    test(`${JSON.stringify(values)} is changed in the file only`, async () => {
      const fixture = createFixture();
      const before = kept(fixture);
      const refused = await save(fixture, { mode: 'sync', cloudflare: { api_token: '[secret]' }, ...values });
      assert.equal(refused.statusCode, 403, refused.body);
      assert.equal(kept(fixture), before);
    });

  test('what does not hold is refused as at a start, naming the file and the key', async () => {
    const fixture = createFixture();
    const before = kept(fixture);
    const refused = await save(fixture, { cloudflare: { api_token: '[secret]' }, mode: 'snyc' });
    assert.equal(refused.statusCode, 400);
    assert.match(refused.json().error.message, /\/mode.*sallyport\.yml\)/);
    assert.equal(kept(fixture), before);
  });
});
