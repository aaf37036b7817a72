// `services presets`: what may be opened of an app is shown, and opened by one word of a person, never before.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let engine: FakeDockerEngine;
before(async () => {
  home = createHome();
  engine = await startFakeDockerEngine();
  const guarded = { 'sallyport.enable': 'true', 'sallyport.access': 'family' };
  engine.put({ name: 'n8n', image: 'n8nio/n8n', labels: guarded, ports: [{ port: 5678 }] });
  engine.put({ name: 'docker', image: 'portainer/portainer-ce', labels: guarded, ports: [{ port: 9000 }] });
  engine.put({ name: 'plain', image: 'example/plain', labels: guarded, ports: [{ port: 80 }] });
});
after(async () => {
  await engine?.close();
  home?.remove();
});

const settings = () =>
  `docker: { endpoints: ["${engine.endpoint}"] }\naccess: { policies: { family: { allow: { emails: [a@example.com] } } } }\n`;
const command = (...args: readonly string[]) => sallyport('--settings', home.settings(settings()), ...args);

interface Preset {
  readonly name: string;
  readonly isActive: boolean;
}

async function presetsOf(name: string): Promise<readonly Preset[]> {
  const { stdout } = await command('--json', 'services');
  const { services } = JSON.parse(stdout) as {
    services: { name: string; presets: { offers: readonly Preset[] }[] }[];
  };
  return services.find((one) => one.name === name)?.presets.flatMap(({ offers }) => offers) ?? [];
}

describe('services presets', () => {
  test('are shown with what they open and what guards it, and none is open', async () => {
    const { stdout } = await command('services', 'presets', 'n8n');
    assert.match(stdout, /^n8n\.localhost$/m);
    assert.match(stdout, /^ {2}webhooks: opens the webhooks of active workflows\./m);
    assert.match(stdout, /^ {4}Whoever knows the exact address gets in\./m);
    const offers = await presetsOf('n8n');
    assert.ok(offers.length > 3);
    assert.ok(offers.every(({ isActive }) => !isActive));
  });

  test('are opened one after the other, and nothing else with them', async () => {
    const first = await command('services', 'presets', 'n8n', '--open', 'webhooks');
    assert.equal(first.exit, 0, first.stderr);
    await command('services', 'presets', 'n8n', '--open', 'mcp');
    const active = (await presetsOf('n8n')).filter(({ isActive }) => isActive).map(({ name }) => name);
    assert.deepEqual(active, ['webhooks', 'mcp']);
    assert.match((await command('services', 'presets', 'n8n')).stdout, /webhooks \(open\)/);
    await command('services', 'forget', 'n8n');
    assert.ok((await presetsOf('n8n')).every(({ isActive }) => !isActive));
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['that is misspelt', ['n8n', '--open', 'webhook'], /n8n has no preset "webhook".*did you mean webhooks\?/],
    ['of an app that is never opened', ['docker', '--open', 'apps'], /docker has no preset "apps": none is proposed/],
    ['of a service that is not there', ['n9n', '--open', 'webhooks'], /no service "n9n".*did you mean n8n\?/],
  ];
  for (const [name, args, message] of refused)
    test(`one ${name} is refused`, async () => {
      const { stderr, exit } = await command('services', 'presets', ...args);
      assert.match(stderr, message);
      assert.notEqual(exit, 0);
    });

  test('of an app nobody knows are none', async () => {
    assert.equal((await command('services', 'presets', 'plain')).stdout, 'Nothing is proposed for plain.\n');
  });
});
