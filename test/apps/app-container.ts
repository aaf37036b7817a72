// Real apps in containers of a real engine: an image of the app's own name, whose programs and libraries are this machine's, mounted read-only.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, engineEndpoint, importImage } from '../docker/containers.ts';
import { type Program, startProgram } from '../program/program.ts';

/** An app as somebody would run it. */
export interface App {
  /** The container's name, and so its hostname. */
  readonly name: string;
  /** As the app's makers call it: by this it is recognised. */
  readonly image: string;
  /** What the image says it listens on, as its makers' does. */
  readonly ports: readonly number[];
  readonly command: readonly string[];
  /** Files of `/data`, the only folder that is the app's own. */
  readonly files?: Readonly<Record<string, string>>;
  /** Mounted at `/app`. */
  readonly folder?: string;
  readonly more?: readonly string[];
}

/** The running app and a program that serves it. */
export interface ServedApp {
  readonly program: Program;
  /** `/data` on this machine. */
  readonly data: string;
  /** The container's address. */
  readonly address: string;
  /** The local CA's certificate. */
  readonly ca: string;
  /** `https://name.domain:port`. */
  readonly url: string;
  /** What the app wrote. */
  logs(): string;
  stop(): Promise<void>;
}

/** Where the pinned Node is in every such container. */
export const nodeInside = '/node';

/** Starts the app, the program beside it, and waits until it answers under its name with something that is no error. */
export async function serveApp(app: App, domain = 'localhost'): Promise<ServedApp> {
  const data = mkdtempSync(join(tmpdir(), `sallyport-${app.name}-`));
  let program: Program | undefined;
  const stop = async () => {
    await program?.stop();
    removeContainer(app.name);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    for (const [name, text] of Object.entries(app.files ?? {})) writeFileSync(join(data, name), text);
    makeImage(app);
    removeContainer(app.name);
    startContainer(app, data);
    program = await startProgram({ docker: { endpoints: [engineEndpoint()] }, domain });
    await program.until(`${app.name}.${domain}`, ({ status }) => status < 500);
  } catch (error) {
    const said = logsOf(app.name);
    await stop();
    throw new Error(`${app.name} is not served: ${said.slice(-2_000)}`, { cause: error });
  }
  return {
    program,
    data,
    address: docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', app.name),
    ca: join(program.dataDir, 'certificates', 'ca.pem'),
    url: `https://${app.name}.${domain}:${program.httpsPort}`,
    logs: () => logsOf(app.name),
    stop,
  };
}

/** A root that has nothing of its own but names: everything else is mounted when it runs. */
function makeImage(app: App): void {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-root-'));
  try {
    for (const folder of ['usr', 'etc', 'app', 'data', 'tmp', 'run/sshd', 'var/empty', 'var/lib/nginx', 'root'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
    writeFileSync(join(root, 'node'), '');
    chmodSync(join(root, 'tmp'), 0o1777);
    const users = ['root:x:0:0:root:/root:/bin/sh', 'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin'];
    writeFileSync(join(root, 'etc/passwd'), [...users, 'nobody:x:65534:65534::/data:/bin/sh', ''].join('\n'));
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    importImage(
      app.image,
      root,
      app.ports.map((port) => `EXPOSE ${port}`),
    );
  } finally {
    rmSync(root, { recursive: true });
  }
}

function startContainer(app: App, data: string): void {
  const mounts = [
    '/usr:/usr:ro',
    `${process.execPath}:${nodeInside}:ro`,
    `${data}:/data`,
    ...(app.folder === undefined ? [] : [`${app.folder}:/app:ro`]),
  ];
  docker(
    ...['run', '-d', '--name', app.name, '--label', 'sallyport.enable=true', '-w', '/data', '-e', 'HOME=/data'],
    ...mounts.flatMap((mount) => ['-v', mount]),
    ...(app.more ?? []),
    app.image,
    ...app.command,
  );
}

function removeContainer(name: string): void {
  try {
    docker('rm', '-f', name);
  } catch {
    // It was never made, or is gone: either is what was wanted.
  }
}

function logsOf(name: string): string {
  try {
    return execFileSync('sh', ['-c', 'exec docker -H "$0" logs "$1" 2>&1', engineEndpoint(), name], {
      encoding: 'utf8',
    });
  } catch {
    return 'no logs';
  }
}
