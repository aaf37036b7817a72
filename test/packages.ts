// What the whole test run needs from Debian, installed when missing and when we may.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** A program the tests use, and the Debian package that brings it. */
interface Program {
  readonly path: string;
  readonly name: string;
}

/** What most of the heavy tests need. */
const needed: readonly Program[] = [
  { path: '/usr/sbin/dockerd', name: 'docker.io' },
  { path: '/usr/sbin/sshd', name: 'openssh-server' },
  { path: '/usr/bin/ssh', name: 'openssh-client' },
  { path: '/bin/busybox', name: 'busybox-static' },
  { path: '/usr/bin/curl', name: 'curl' },
  { path: '/sbin/ip', name: 'iproute2' },
  { path: '/usr/sbin/iptables', name: 'iptables' },
];

/** Real apps, browsers and engines: each is installed by itself, so that one this release does not have takes none of the others along. */
const wished: readonly Program[] = [
  { path: '/usr/bin/chromium', name: 'chromium' },
  { path: '/usr/bin/certutil', name: 'libnss3-tools' },
  { path: '/usr/bin/prometheus', name: 'prometheus' },
  { path: '/usr/bin/transmission-daemon', name: 'transmission-daemon' },
  { path: '/usr/bin/syncthing', name: 'syncthing' },
  { path: '/usr/sbin/nginx', name: 'nginx' },
  { path: '/usr/bin/git', name: 'git' },
  { path: '/usr/bin/rsync', name: 'rsync' },
  { path: '/usr/bin/podman', name: 'podman' },
  { path: '/usr/lib/podman/netavark', name: 'netavark' },
];

/** Installs what is missing; on another system, or without root, says what is missing and lets the tests skip. */
export function installPackages(): void {
  const [missing, more] = [namesOf(needed), namesOf(wished)];
  const names = [...missing, ...more].join(', ');
  if (names === '') return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`not installed, and not root on Debian: ${names}; tests that need them skip\n`);
    return;
  }
  process.stdout.write(`installing ${names} …\n`);
  // A package's service must not start by itself: the tests start their own, on their own ports.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  apt('update', '-qq');
  if (missing.length > 0) install(...missing);
  // From Debian 13 on the client is a package of its own, which earlier releases do not know.
  if (!existsSync('/usr/bin/docker')) install('docker-cli');
  for (const name of more) install(name);
  if (ours) rmSync(policy, { force: true });
}

/** Those of them that are not there. */
function namesOf(programs: readonly Program[]): readonly string[] {
  return programs.filter(({ path }) => !existsSync(path)).map(({ name }) => name);
}

function install(...names: readonly string[]): void {
  apt('install', '-y', '-qq', '--no-install-recommends', ...names);
}

function apt(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'ignore'] });
  if (status !== 0) process.stdout.write(`apt-get ${args.join(' ')} ended with ${status}\n`);
}
