// `quick URL|NAME`: one service under a random hostname, until Ctrl-C. What it does is loaded only when it is called.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseGoDuration } from '../ingress/duration.ts';
import type { CliIo } from './io.ts';

/** Its options. */
export interface QuickOptions {
  /** Milliseconds. */
  readonly for?: number;
  readonly quickService?: string;
  readonly tlsVerify?: boolean;
  readonly httpHostHeader?: string;
}

/** Adds the command. */
export function addQuickCommand(program: Command, io: CliIo): void {
  program
    .command('quick')
    .description('one service under a random hostname, open to whoever has the address, until Ctrl-C')
    .argument('<url|name>', 'a URL such as http://localhost:3000, or the name of a discovered service')
    .option('--for <duration>', 'end by itself after this long, as 30m or 1h', readLimit)
    .addOption(
      new Option(
        '--quick-service <url>',
        "who gives the hostname (default: the embedded edge, or Cloudflare's with edge: cloudflare)",
      )
        .env('TUNNEL_QUICK_SERVICE')
        .argParser(readUrl),
    )
    .option('--no-tls-verify', "do not check the service's certificate")
    .option('--http-host-header <host>', 'the Host header the service gets')
    .action(async (target: string, options: QuickOptions) => {
      const { runQuick } = await import('./quick-run.ts');
      await runQuick(target, options, program, io);
    });
}

/** Longer than a timer can wait. */
const maxSeconds = 2_147_483;

function readLimit(text: string): number {
  const seconds = parseGoDuration(text);
  if (seconds === undefined || seconds <= 0 || seconds > maxSeconds)
    throw new InvalidArgumentError('write it like 30m or 1h, at most 596h');
  return seconds * 1000;
}

function readUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('write it like https://api.example.com');
}
