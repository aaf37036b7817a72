// `services expose|hide|ignore|forget`: one action, kept in the data directory, and never in a file of the user's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let engine: FakeDockerEngine;
before(async () => {
  home = createHome();
  engine = await startFakeDockerEngine();
  engine.put({ name: 'wiki', ports: [{ port: 3000 }] });
  engine.put({ name: 'closed', labels: { 'sallyport.enable': 'false' }, ports: [{ port: 80 }] });
});
after(async () => {
  await engine?.close();
  home?.remove();
});

const command = (...args: readonly string[]) =>
  sallyport('--settings', home.settings(`docker: { endpoints: ["${engine.endpoint}"] }`), ...args);

async function look() {
  const { stdout } = await command('--json', 'services');
  const { services, suggestions } = JSON.parse(stdout) as {
    services: { name: string; published: boolean; hostnames: string[] }[];
    suggestions: { name: string; hostnames: string[] }[];
  };
  return { wiki: services.find(({ name }) => name === 'wiki'), suggestions };
}

describe('a service without labels', () => {
  test('is suggested, with the name it would get', async () => {
    const { wiki, suggestions } = await look();
    assert.equal(wiki?.published, false);
    assert.deepEqual(
      suggestions.map(({ name, hostnames }) => [name, ...hostnames]),
      [['wiki', 'wiki.localhost']],
    );
    assert.match((await command('services')).stdout, /services expose NAME/);
  });

  test('is published by one command, which changes no settings', async () => {
    const settings = () => readFileSync(join(home.dir, 'sallyport.yml'), 'utf8');
    const { stdout, stderr, exit } = await command('services', 'expose', 'wiki', '--hostname', 'docs');
    const before = settings();
    assert.deepEqual([exit, stderr], [0, '']);
    assert.match(stdout, /^docker\/wiki is published: docs\.localhost \(from the next start on\)\n$/);
    const { wiki, suggestions } = await look();
    assert.deepEqual([wiki?.published, wiki?.hostnames, suggestions], [true, ['docs.localhost'], []]);
    assert.equal(settings(), before);
  });

  test('can be hidden, forgotten and ignored again', async () => {
    await command('services', 'hide', 'docker/wiki');
    assert.equal((await look()).wiki?.published, false);
    await command('services', 'expose', 'wiki');
    assert.equal((await look()).wiki?.published, true);
    await command('services', 'forget', 'wiki');
    assert.equal((await look()).suggestions.length, 1);
    await command('services', 'ignore', 'wiki');
    assert.equal((await look()).suggestions.length, 0);
    await command('services', 'forget', 'wiki');
  });
});

describe('what cannot be', () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['a service nobody knows is asked back', ['expose', 'wikki'], 1, /did you mean (docker\/)?wiki/],
    ['a hostname that is none is refused', ['expose', 'wiki', '--hostname', 'a b'], 2, /photos\.example\.com/],
    ['a path without a slash is refused', ['expose', 'wiki', '--bypass', 'api'], 2, /starts with a slash/],
    ['a policy that does not exist is named', ['expose', 'wiki', '--access', 'famly'], 1, /no policy "famly"/],
    ['a service its label closes stays closed', ['expose', 'closed'], 1, /enable=false/],
  ];
  for (const [name, args, exit, message] of cases)
    test(name, async () => {
      const outcome = await command('services', ...args);
      assert.equal(outcome.exit, exit, outcome.stderr);
      assert.match(outcome.stderr + outcome.stdout, message);
    });
});
