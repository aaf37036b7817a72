// With a real Swarm of one node: services with labels are served, follow their tasks through a rolling update, and answer 503 without any.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { type Program, startProgram, until } from '../program/program.ts';
import { docker, engineEndpoint, makeWebImage, noEngine } from './containers.ts';

const skip = noEngine() ?? false;

describe('a real Swarm', { skip }, () => {
  let program: Program;

  before(async () => {
    makeWebImage('grafana/grafana:11.0.0', 3000, 'this is grafana');
    makeWebImage('grafana/grafana:12.0.0', 3000, 'this is the next grafana');
    makeWebImage('stranger:1', 8000, 'this is published');
    docker('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1');
    program = await startProgram({ docker: { endpoints: [engineEndpoint()] }, grace: '4s' });
  });
  after(async () => {
    await program?.stop();
    if (skip === false) execFileSync('docker', ['-H', engineEndpoint(), 'swarm', 'leave', '--force']);
  });

  const service = (name: string) => program.status().services.find((one) => one.id === `docker/swarm/${name}`);
  const create = (name: string, image: string, ...more: string[]) =>
    docker('service', 'create', '--detach', '--no-resolve-image', '--name', name, ...more, image);

  test('a service with a label is served, and its tasks are no services of their own', async () => {
    create('dash', 'grafana/grafana:11.0.0', '--label', 'sallyport.enable=true', '--replicas', '2');
    const answer = await program.until('dash.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is grafana');
    assert.equal(service('dash')?.plugin, 'grafana');
    assert.deepEqual(
      program
        .status()
        .services.filter(({ source }) => source === 'docker')
        .map(({ id }) => id),
      ['docker/swarm/dash'],
    );
  });

  test('a second one, published on its node, is reached there', async () => {
    create(
      'pub',
      'stranger:1',
      '--label',
      'sallyport.enable=true',
      '--publish',
      'mode=host,target=8000,published=18734',
    );
    const answer = await program.until('pub.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is published');
    assert.deepEqual(service('pub')?.rules, ['http://127.0.0.1:18734']);
  });

  test('a rolling update ends with the new tasks served, and nothing else was under the name meanwhile', async () => {
    const seen = new Set<string>();
    docker(
      'service',
      'update',
      '--detach',
      '--no-resolve-image',
      '--update-order',
      'start-first',
      '--image',
      'grafana/grafana:12.0.0',
      'dash',
    );
    await until(
      async () => {
        const { status, body } = await program.get('dash.localhost');
        if (status === 200) seen.add(body);
        return docker('service', 'inspect', '-f', '{{.UpdateStatus.State}}', 'dash');
      },
      (state) => state === 'completed',
      60_000,
    );
    const answer = await program.until('dash.localhost', ({ status, body }) => status === 200 && body.includes('next'));
    seen.add(answer.body);
    assert.deepEqual(
      [...seen].filter((body) => !/^this is (the next )?grafana$/.test(body)),
      [],
    );
  });

  test('scaled to nothing it answers 503, and comes back when scaled up', async () => {
    docker('service', 'scale', '--detach', 'dash=0');
    await program.until('dash.localhost', ({ status }) => status === 503);
    docker('service', 'scale', '--detach', 'dash=1');
    await program.until('dash.localhost', ({ status }) => status === 200);
  });

  test('removed, its name is gone after the grace period', async () => {
    docker('service', 'rm', 'dash');
    await program.until('dash.localhost', ({ status }) => status === 530);
    assert.equal((await program.get('pub.localhost')).status, 200);
  });
});
