// Images and containers for tests, made on this machine: no registry is reachable, so root file systems come from installed programs.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Why there is no engine to test with, or undefined when there is one. */
export function noEngine(): string | undefined {
  if (process.env.TEST_DOCKER !== undefined)
    return existsSync('/bin/busybox') ? undefined : 'busybox-static is not installed';
  return process.env.TEST_NO_DOCKER ?? 'no engine: run through `npm test`, or set TEST_DOCKER=unix:///…';
}

/** The engine's address. */
export function engineEndpoint(): string {
  return process.env.TEST_DOCKER ?? '';
}

/** Runs the docker client on the test engine; returns what it printed. */
export function docker(...args: string[]): string {
  return execFileSync('docker', ['-H', engineEndpoint(), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Makes an image from a folder, under any name, with image settings such as `EXPOSE 3000`. */
export function importImage(
  name: string,
  folder: string,
  changes: readonly string[] = [],
  endpoint = engineEndpoint(),
): void {
  const tar = spawnSync('tar', ['-C', folder, '-c', '.'], { maxBuffer: 512 * 1024 * 1024 });
  const args = ['-H', endpoint, 'import', ...changes.flatMap((change) => ['-c', change]), '-', name];
  const result = spawnSync('docker', args, { input: tar.stdout, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`docker import ${name}: ${result.stderr}`);
}

/** A root file system with busybox and a page that says `says`. */
function busyboxRoot(says: string): string {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-root-'));
  for (const folder of ['bin', 'www', 'tmp']) mkdirSync(join(root, folder));
  cpSync('/bin/busybox', join(root, 'bin', 'busybox'));
  symlinkSync('busybox', join(root, 'bin', 'sh'));
  writeFileSync(join(root, 'www', 'index.html'), says);
  return root;
}

/** A root file system for as long as it is used. */
function withRoot(says: string, use: (root: string) => void): void {
  const root = busyboxRoot(says);
  try {
    use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** An image that serves one page on a port, as the app of that name would; `more` settings like `EXPOSE 9000`. */
export function makeWebImage(
  name: string,
  port: number,
  says: string,
  { endpoint = engineEndpoint(), more = [] }: { readonly endpoint?: string; readonly more?: readonly string[] } = {},
): void {
  const changes = [`EXPOSE ${port}`, ...more, `CMD ["/bin/busybox", "httpd", "-f", "-p", "${port}", "-h", "/www"]`];
  withRoot(says, (root) => importImage(name, root, changes, endpoint));
}

/** An image with this machine's OpenSSH server, and a key that may log in as root. */
export function makeSshImage(name: string, port: number, publicKey: string): void {
  withRoot('', (root) => {
    fillSshRoot(root, port, publicKey);
    importImage(name, root, [`EXPOSE ${port}`, 'CMD ["/usr/sbin/sshd", "-D", "-e"]']);
  });
}

function fillSshRoot(root: string, port: number, publicKey: string): void {
  for (const program of ['/usr/sbin/sshd', '/usr/bin/ssh-keygen']) copyWithLibraries(program, root);
  const session = '/usr/lib/openssh/sshd-session';
  if (existsSync(session)) copyWithLibraries(session, root);
  for (const folder of ['etc/ssh', 'root/.ssh', 'run/sshd', 'var/empty', 'dev'])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'root/.ssh/authorized_keys'), publicKey);
  for (const folder of ['root', 'root/.ssh']) chmodSync(join(root, folder), 0o700);
  chmodSync(join(root, 'root/.ssh/authorized_keys'), 0o600);
  writeFileSync(
    join(root, 'etc/ssh/sshd_config'),
    `Port ${port}\nHostKey /etc/ssh/key\nPermitRootLogin yes\nUsePAM no\nStrictModes no\n`,
  );
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(root, 'etc/ssh/key')]);
}

/** A program and every shared library it names, at the same paths. */
function copyWithLibraries(program: string, root: string): void {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...listed.matchAll(/(\/[^\s:]+)\s+\(0x/g)].flatMap((found) => found[1] ?? []);
  // Name service libraries are loaded at run time, so ldd does not name them.
  const loaded = ['/lib/x86_64-linux-gnu/libnss_files.so.2', '/lib/aarch64-linux-gnu/libnss_files.so.2'].filter(
    (file) => existsSync(file),
  );
  for (const file of [program, ...libraries, ...loaded]) {
    const target = join(root, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}
