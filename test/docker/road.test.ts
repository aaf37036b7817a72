// With a real engine: three containers become entries by their plugins and answer under their names, and nothing answers under a name that is not its own.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Program, startProgram, until } from '../program/program.ts';
import { docker, engineEndpoint, makeSshImage, makeWebImage, noEngine } from './containers.ts';

const skip = noEngine() ?? false;
const run = promisify(execFile);
const main = new URL('../../src/main.ts', import.meta.url).pathname;

describe('a real engine', { skip }, () => {
  let program: Program;
  let keys: string;

  before(async () => {
    keys = mkdtempSync(join(tmpdir(), 'sallyport-keys-'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'id')]);
    makeWebImage('grafana/grafana:11.0.0', 3000, 'this is grafana');
    makeWebImage('ghcr.io/immich-app/immich-server:release', 2283, 'this is immich');
    makeWebImage('stranger:1', 3000, 'this is a stranger');
    makeSshImage('linuxserver/openssh-server:latest', 2222, readFileSync(join(keys, 'id.pub'), 'utf8'));
    program = await startProgram({ docker: { endpoints: [engineEndpoint()] }, grace: '4s' });
  });
  after(async () => {
    await program?.stop();
    for (const name of ['grafana', 'photos', 'shell', 'stranger', 'claimant']) remove(name);
    rmSync(keys, { recursive: true, force: true });
  });

  const start = (name: string, image: string, ...more: string[]) =>
    docker('run', '-d', '--name', name, '--label', 'sallyport.enable=true', ...more, image);
  const service = (name: string) => program.status().services.find((one) => one.name === name);

  function remove(name: string): void {
    try {
      docker('rm', '-f', name);
    } catch {
      // It was never made, or is gone: either is what was wanted.
    }
  }

  test('Grafana is known by its image and answers over HTTP under its name', async () => {
    start('grafana', 'grafana/grafana:11.0.0');
    const answer = await program.until('grafana.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is grafana');
    assert.equal(service('grafana')?.plugin, 'grafana');
  });

  test('and over HTTPS, with a certificate of the local CA for that very name', async () => {
    const ca = readFileSync(join(program.dataDir, 'certificates', 'ca.pem'));
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: program.httpsPort,
        servername: 'grafana.localhost',
        ca,
        headers: { host: 'grafana.localhost' },
        agent: false,
      };
      request(options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 200);
  });

  test('Immich is known by its image, under the name its labels give', async () => {
    start('photos', 'ghcr.io/immich-app/immich-server:release', '--label', 'sallyport.hostname=bilder');
    const answer = await program.until('bilder.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is immich');
    assert.equal(service('photos')?.plugin, 'immich');
  });

  test('ssh logs in to a real OpenSSH server through the websocket client', async () => {
    start('shell', 'linuxserver/openssh-server:latest');
    // A plain GET at an ssh entry is no websocket: that it is answered at all says that the rule is live.
    await program.until('shell.localhost', ({ status }) => status !== 530 && status !== 503);
    assert.equal(service('shell')?.plugin, 'ssh');
    const settings = join(keys, 'client.yml');
    writeFileSync(
      settings,
      `data_dir: ${program.dataDir}\nembedded_edge: { https: "127.0.0.1:${program.httpsPort}" }\n`,
    );
    const proxy = `${process.execPath} ${main} --settings ${settings} access ssh --hostname %h`;
    const options = [
      '-o',
      `ProxyCommand=${proxy}`,
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'BatchMode=yes',
    ];
    const { stdout } = await run(
      'ssh',
      ['-F', 'none', '-i', join(keys, 'id'), ...options, 'root@shell.localhost', 'echo "through $((20 + 3)) gates"'],
      { timeout: 30_000 },
    );
    assert.equal(stdout.trim(), 'through 23 gates');
  });

  test('a second container that claims a name is told so and changes nothing', async () => {
    start('claimant', 'stranger:1', '--label', 'sallyport.hostname=bilder');
    await program.until('bilder.localhost', () => (service('claimant')?.diagnostics.length ?? 0) > 0);
    assert.ok(service('claimant')?.diagnostics.some(({ code }) => code === 'E_CONFLICT'));
    assert.equal((await program.get('bilder.localhost')).body, 'this is immich');
    remove('claimant');
  });

  test('labels that make no sense are warned about, and hurt no other label or container', async () => {
    remove('stranger');
    start(
      'stranger',
      'stranger:1',
      '--label',
      'sallyport.hostnam=x',
      '--label',
      'sallyport.port=http',
      '--label',
      'sallyport.hostname=odd',
    );
    await program.until('grafana.localhost', () => service('stranger') !== undefined);
    const messages = (service('stranger')?.diagnostics ?? [])
      .map(({ message, hint }) => `${message} ${hint}`)
      .join('\n');
    assert.match(messages, /hostname/);
    assert.match(messages, /port/);
    assert.equal((await program.get('grafana.localhost')).status, 200);
    remove('stranger');
  });

  test('a stopped container turns 503, and whoever gets its address never answers under its name', async () => {
    const address = docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'grafana');
    docker('stop', '-t', '0', 'grafana');
    await program.until('grafana.localhost', ({ status }) => status === 503);
    const answers: string[] = [];
    for (let attempt = 0; attempt < 6 && !answers.includes(address); attempt++) {
      docker('run', '-d', '--name', `taker${attempt}`, 'stranger:1');
      answers.push(docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', `taker${attempt}`));
      assert.notEqual((await program.get('grafana.localhost')).body, 'this is a stranger');
    }
    for (let attempt = 0; attempt < answers.length; attempt++) remove(`taker${attempt}`);
    assert.ok(answers.includes(address), `the freed address ${address} was handed out again (${answers.join(', ')})`);
  });

  test('a container that starts again takes its name back', async () => {
    docker('start', 'grafana');
    const answer = await program.until('grafana.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is grafana');
  });

  test('a removed container loses its name after the grace period, and not before', async () => {
    docker('rm', '-f', 'grafana');
    await until(
      async () => service('grafana'),
      (one) => one?.state === 'stopped',
    );
    assert.equal((await program.get('grafana.localhost')).status, 503);
    await program.until('grafana.localhost', ({ status }) => status === 530);
    assert.equal((await program.get('bilder.localhost')).body, 'this is immich');
  });
});
