// `access tcp|ssh|ssh-config`: the client side of tcp and ssh entries, usable as an ssh ProxyCommand.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { listenAddress } from '../settings/resolve.ts';
import type { Settings } from '../settings/settings.ts';
import { addSshCaCommand } from './access-ssh-ca.ts';
import { addAccessTokenCommands } from './access-token.ts';
import type { CliIo } from './io.ts';
import { loadForCommand } from './settings-input.ts';

interface AccessOptions {
  readonly hostname: string;
  readonly url?: string;
}

/** Adds them, and what else begins with `access`. */
export function addAccessCommands(program: Command, io: CliIo): void {
  const access = program
    .command('access')
    .description('the client side of tcp and ssh entries, service tokens, SSH certificates');
  addAccessTokenCommands(access, program, io);
  addSshCaCommand(access, program, io);
  for (const kind of ['tcp', 'ssh']) {
    access
      .command(kind)
      .description(`connect stdin and stdout, or a local port, to a ${kind} entry`)
      .requiredOption('--hostname <name>', 'the hostname of the entry', readHostname)
      .option('--url <host:port>', 'listen here instead of using stdin and stdout')
      .action((options: AccessOptions) => connect(program, options, io));
  }
  access
    .command('ssh-config')
    .description('print what to add to ~/.ssh/config')
    .requiredOption('--hostname <name>', 'the hostname of the entry', readHostname)
    .action(({ hostname }: AccessOptions) => {
      const { file } = loadForCommand(program).loaded;
      io.out(`Host ${hostname}\n  ProxyCommand ${proxyCommand(file)}\n`);
    });
}

/** ssh runs it from any folder, where neither `sallyport` need be on the PATH nor the settings file be found. */
function proxyCommand(settingsFile: string | undefined): string {
  const program = fileURLToPath(new URL('../sallyport.mjs', import.meta.url));
  const settings = settingsFile === undefined ? [] : ['--settings', settingsFile];
  return [...[program, ...settings].map(sshWord), 'access ssh --hostname %h'].join(' ');
}

/** One word for ssh, which expands `%`, and then for the shell. */
function sshWord(text: string): string {
  const word = text.replaceAll('%', '%%');
  return /^[\w%+,./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

async function connect(program: Command, options: AccessOptions, io: CliIo): Promise<void> {
  const { loaded } = loadForCommand(program);
  const { joinStreams, listenForTarget, openTunnelStream } = await import('../access-client/tcp-over-websocket.ts');
  const target = { hostname: options.hostname, ...edgeOf(loaded.settings) };
  if (options.url === undefined) {
    await joinStreams({ input: process.stdin, output: process.stdout }, await openTunnelStream(target));
    // stdin may still be open, and would keep the process waiting for input nobody takes.
    process.exit(0);
  }
  const listen = listenAddress(options.url.replace(/^[a-z]+:\/\//, ''), '--url');
  await listenForTarget(target, listen, (error) =>
    io.err(`${error instanceof Error ? error.message : String(error)}\n`),
  );
  io.err(`listening on ${options.url}\n`);
}

/** With the embedded edge its own address and CA: `*.localhost` is in no public DNS. */
function edgeOf(settings: Settings): { connectTo?: { host: string; port: number }; ca?: string } {
  if (settings.edge !== 'embedded') return {};
  const { https, certificatesDir } = settings.embeddedEdge;
  const host = https.host === '::' || https.host === '0.0.0.0' ? '127.0.0.1' : https.host;
  const ca = join(certificatesDir, 'ca.pem');
  return { connectTo: { host, port: https.port }, ...(existsSync(ca) ? { ca: readFileSync(ca, 'utf8') } : {}) };
}

function readHostname(text: string): string {
  const name = text
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '')
    .toLowerCase();
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name))
    throw new InvalidArgumentError('write a hostname like ssh.example.com');
  return name;
}
