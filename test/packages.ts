// What the whole test run needs from Debian, installed when missing and when we may.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A program the tests use, and the Debian package that brings it. */
const needed: readonly { readonly path: string; readonly name: string }[] = [
  { path: '/usr/sbin/dockerd', name: 'docker.io' },
  { path: '/usr/sbin/sshd', name: 'openssh-server' },
  { path: '/usr/bin/ssh', name: 'openssh-client' },
  { path: '/bin/busybox', name: 'busybox-static' },
  { path: '/usr/bin/curl', name: 'curl' },
  { path: '/sbin/ip', name: 'iproute2' },
  { path: '/usr/sbin/iptables', name: 'iptables' },
];

/** Installs what is missing; on another system, or without root, says what is missing and lets the tests skip. */
export function installPackages(): void {
  const missing = needed.filter(({ path }) => !existsSync(path)).map(({ name }) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`not installed, and not root on Debian: ${missing.join(', ')}; tests that need them skip\n`);
    return;
  }
  process.stdout.write(`installing ${missing.join(', ')} …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package's service must not start by itself: the tests start their own, on their own ports.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) spawnSync('sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod +x ${policy}`]);
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]) {
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  // From Debian 13 on the client is a package of its own, which earlier releases do not know.
  if (!existsSync('/usr/bin/docker'))
    spawnSync('apt-get', ['install', '-y', '-qq', 'docker-cli'], { env, stdio: 'ignore' });
  if (ours) spawnSync('rm', ['-f', policy]);
}
