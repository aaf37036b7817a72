// The options of `tunnel run`, and how it is called; what it does is loaded only then.
import { type Command, Option } from 'commander';
import { AppError, formatError } from '../errors.ts';
import type { CliIo } from './io.ts';
import type { CredentialOptions } from './tunnel-credentials.ts';

/** The options of `run` that cloudflared also takes before the verb. */
export interface RunOptions extends CredentialOptions {
  readonly cacert?: string;
  readonly gracePeriod?: string;
  readonly haConnections?: string;
  readonly loglevel?: string;
  readonly pidfile?: string;
  readonly protocol?: string;
  readonly metrics?: string;
  readonly region?: string;
  readonly url?: string;
  readonly unixSocket?: string;
  readonly helloWorld?: boolean;
  readonly tlsVerify?: boolean;
  readonly httpHostHeader?: string;
  readonly originServerName?: string;
  readonly originCaPool?: string;
}

/** Adds the command, and its options to `tunnel`. */
export function addTunnelRunCommand(program: Command, tunnel: Command, io: CliIo): void {
  const quiet = (flags: string) => new Option(flags).hideHelp();
  tunnel
    .addOption(quiet('--cacert <file>').env('TUNNEL_CACERT'))
    .addOption(quiet('--grace-period <duration>').env('TUNNEL_GRACE_PERIOD'))
    .addOption(quiet('--ha-connections <count>'))
    .addOption(quiet('--loglevel <level>').env('TUNNEL_LOGLEVEL'))
    .addOption(quiet('--pidfile <file>').env('TUNNEL_PIDFILE'))
    .addOption(quiet('-p, --protocol <protocol>').env('TUNNEL_TRANSPORT_PROTOCOL'))
    .addOption(quiet('--metrics <address>').env('TUNNEL_METRICS'))
    .addOption(quiet('--region <region>').env('TUNNEL_REGION'))
    .addOption(quiet('--url <url>').env('TUNNEL_URL'))
    .addOption(quiet('--unix-socket <path>').env('TUNNEL_UNIX_SOCKET'))
    .addOption(quiet('--hello-world'))
    .addOption(quiet('--http-host-header <host>').env('TUNNEL_HTTP_HOST_HEADER'))
    .addOption(quiet('--origin-server-name <name>').env('TUNNEL_ORIGIN_SERVER_NAME'))
    .addOption(quiet('--origin-ca-pool <file>').env('TUNNEL_ORIGIN_CA_POOL'))
    .addOption(quiet('--no-tls-verify'))
    // We never replace ourselves, so there is nothing to switch off.
    .addOption(quiet('--no-autoupdate'));
  tunnel
    .command('run')
    .description('run a tunnel with the native connector, until SIGTERM (drains)')
    .argument('[tunnel]', 'id or name (default: `tunnel` of the configuration file)')
    .addOption(
      new Option(
        '--token <token>',
        "the tunnel's token; better in TUNNEL_TOKEN or a file, others can read arguments",
      ).env('TUNNEL_TOKEN'),
    )
    .addOption(new Option('--token-file <file>', "a file with the tunnel's token").env('TUNNEL_TOKEN_FILE'))
    .addOption(
      new Option('--credentials-contents <json>', "what the tunnel's credentials file holds").env(
        'TUNNEL_CRED_CONTENTS',
      ),
    )
    .addHelpText('after', runHelp)
    .action(async (ref: string | undefined, _options: unknown, command: Command) => {
      try {
        const { runTunnel } = await import('./tunnel-run.ts');
        await runTunnel(ref, command.optsWithGlobals<RunOptions>(), { program, tunnel, io });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'E_USAGE') throw error;
        // cloudflared's exit code for a command line that does not say what to run.
        io.err(`${formatError(error)}\n`);
        io.setExitCode(255);
      }
    });
}

const runHelp = `
Also, here or right after \`tunnel\`: --config, --credentials-file, --edge, --edge-ca (or --cacert), --ha-connections, --grace-period, --loglevel,
--pidfile, --metrics, --region; without ingress rules in the configuration file: --url, --unix-socket, --hello-world, --http-host-header,
--origin-server-name, --origin-ca-pool, --no-tls-verify. Rules that the edge pushes replace those of the file.`;
