// With a real Podman behind its Docker API: its containers are listed, watched, served and closed like those of Docker.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { freePorts } from '../e2e/process.ts';
import { type Program, startProgram } from '../program/program.ts';
import { startPodman } from './podman.ts';

const podman = await startPodman();

describe('Podman', { skip: typeof podman === 'string' ? podman : false }, async () => {
  if (typeof podman === 'string') return;
  let program: Program;
  after(async () => {
    await program?.stop();
    await podman.stop();
  });
  const enable = ['--label', 'sallyport.enable=true'];
  const service = (name: string) => program.status().services.find((one) => one.name === name);

  test('a container that runs already is known by its image and served at its address', async () => {
    podman.makeImage('grafana/grafana:11.0.0', 3000, 'this is grafana');
    podman.makeImage('example/web:1', 8000, 'this is a stranger');
    podman.start('grafana', 'docker.io/grafana/grafana:11.0.0', ...enable);
    program = await startProgram({ docker: { endpoints: [podman.endpoint] }, grace: '2s' });
    const answer = await program.until('grafana.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is grafana');
    assert.equal(service('grafana')?.plugin, 'grafana');
  });

  test('one that starts later is found by its event, and by the port its image shows, which no list of Podman has', async () => {
    podman.start('web', 'docker.io/example/web:1', ...enable);
    const answer = await program.until('web.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is a stranger');
  });

  test('one on the host’s network is reached there, though the list does not say that it is', async () => {
    const [port = 0] = await freePorts(1);
    const command = ['/bin/busybox', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', '/www'];
    const labels = [...enable, '--label', `sallyport.port=${port}`];
    podman.podman(
      ...['run', '-d', '--name', 'host', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'],
      ...['--network', 'host', ...labels, 'docker.io/example/web:1', ...command],
    );
    await program.until('host.localhost', ({ status }) => status === 200);
    assert.deepEqual(service('host')?.rules, [`http://127.0.0.1:${port}`]);
  });

  test('one that shares another one’s network is reached at its address', async () => {
    const labels = [...enable, '--label', 'sallyport.port=8000'];
    podman.start('beside', 'docker.io/example/web:1', ...labels, '--network', 'container:grafana');
    const answer = await program.until('beside.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is a stranger');
  });

  test('one that is stopped turns 503 without a pass being asked for, and 200 when it starts', async () => {
    podman.podman('stop', '--time', '0', 'web');
    await program.until('web.localhost', ({ status }) => status === 503);
    podman.podman('start', 'web');
    await program.until('web.localhost', ({ status }) => status === 200);
  });

  test('one that is removed loses its name after the grace period', async () => {
    podman.podman('rm', '--force', '--time', '0', 'web');
    await program.until('web.localhost', ({ status }) => status === 503);
    await program.until('web.localhost', ({ status }) => status === 530);
    assert.equal((await program.get('grafana.localhost')).status, 200);
  });

  test('nothing is wrong with it in the eyes of the program', () => {
    const { diagnostics } = program.status();
    assert.deepEqual(diagnostics, []);
  });
});
