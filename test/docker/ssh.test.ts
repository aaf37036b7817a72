// An engine on "another machine": through a real sshd, the way docker's own client goes.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Program, startProgram, until } from '../program/program.ts';
import { docker, engineEndpoint, makeWebImage, noEngine } from './containers.ts';

const skip = noEngine() ?? (existsSync('/usr/sbin/sshd') ? false : 'openssh-server is not installed');

describe('an engine behind ssh', { skip }, () => {
  const path = process.env.PATH ?? '';
  let dir: string;
  let sshd: ChildProcess;
  let port: number;
  let program: Program;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sallyport-ssh-'));
    port = await freePort();
    writeFiles();
    mkdirSync('/run/sshd', { recursive: true });
    sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'sshd_config')], { stdio: 'ignore' });
    // Our own keys and known hosts, for the ssh the program starts, without touching those of whoever runs the tests.
    process.env.PATH = `${join(dir, 'bin')}:${path}`;
    makeWebImage('grafana/grafana:11.0.0', 3000, 'this is grafana');
    program = await startProgram({ docker: { endpoints: [`ssh://root@127.0.0.1:${port}`] }, grace: '4s' });
  });
  after(async () => {
    await program?.stop();
    endSshd();
    process.env.PATH = path;
    if (skip === false) docker('rm', '-f', 'afar');
    rmSync(dir, { recursive: true, force: true });
  });

  /** With the sessions it has. */
  function endSshd(): void {
    if (sshd?.pid === undefined || sshd.exitCode !== null || sshd.signalCode !== null) return;
    const children = readFileSync(`/proc/${sshd.pid}/task/${sshd.pid}/children`, 'utf8').trim().split(' ');
    for (const pid of children.filter((one) => one !== '')) process.kill(Number(pid));
    sshd.kill();
  }

  function writeFiles(): void {
    for (const name of ['id', 'host'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
    execFileSync('cp', [join(dir, 'id.pub'), join(dir, 'authorized_keys')]);
    writeFileSync(
      join(dir, 'sshd_config'),
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(dir, 'host')}`,
        `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
        `PidFile ${join(dir, 'pid')}`,
        `SetEnv DOCKER_HOST=${engineEndpoint()}`,
        'StrictModes no',
        'UsePAM no',
        'PermitRootLogin yes',
      ].join('\n'),
    );
    mkdirSync(join(dir, 'bin'));
    const options = `-F none -i ${join(dir, 'id')} -o StrictHostKeyChecking=no -o UserKnownHostsFile=${join(dir, 'known')}`;
    writeFileSync(join(dir, 'bin', 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh ${options} "$@"\n`);
    chmodSync(join(dir, 'bin', 'ssh'), 0o755);
  }

  test('is listed and watched like any other', async () => {
    docker('run', '-d', '--name', 'afar', '--label', 'sallyport.enable=true', 'grafana/grafana:11.0.0');
    const answer = await program.until('afar.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'this is grafana');
    docker('stop', '-t', '0', 'afar');
    await program.until('afar.localhost', ({ status }) => status === 503);
  });

  test('when ssh does not get through, that is said, with what ssh said', async () => {
    endSshd();
    await until(
      async () => program.status().diagnostics,
      (found) => found.some(({ code, message }) => code === 'E_SOURCE_UNREACHABLE' && message.includes('ssh')),
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
