// `edge`: the embedded edge alone, until SIGTERM or SIGINT; and `edge hash-password` for its people.
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { EdgeGuide } from '../app/edge-alone.ts';
import { hashPassword, maxPasswordBytes } from '../edge/password-hash.ts';
import { ValidationError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { loadSettings } from '../settings/load.ts';
import { onEndSignals } from './end-signals.ts';
import type { CliIo } from './io.ts';
import { readPassword } from './read-password.ts';
import { globalOptions, settingsInputs } from './settings-input.ts';

/** Adds the command. */
export function addEdgeCommand(program: Command, io: CliIo): void {
  const edge = program
    .command('edge')
    .description('the embedded edge alone, for a machine with a public address, until SIGTERM')
    .option('--settings <file>', 'settings file')
    .action((options: { settings?: string }) => runEdge(program, options.settings, io));
  edge
    .command('hash-password')
    .description('print what to write as password_hash under embedded_edge.login.users; reads the password from stdin')
    .action(async () => {
      const password = await readPassword(process.stdin, io);
      checkPassword(password);
      io.out(`${await hashPassword(password)}\n`);
    });
}

async function runEdge(program: Command, file: string | undefined, io: CliIo): Promise<void> {
  const inputs = settingsInputs(program, file);
  const loaded = loadSettings(inputs);
  const logger = createLogger(loaded.settings.log);
  const { startEdgeAlone } = await import('../app/edge-alone.ts');
  const running = await startEdgeAlone(loaded, inputs, logger);
  onEndSignals({
    ask: (signal) => {
      logger.info({ signal }, 'stopping');
      running.stop().finally(() => process.exit(0));
    },
    now: () => process.exit(1),
  });
  const { guide } = running;
  io.out(globalOptions(program).json === true ? `${JSON.stringify(guide)}\n` : guideText(guide));
  logger.info(guide.listeners, 'edge started');
}

/** The guide for a person. */
function guideText({ listeners, ca_file, api_token_file, settings, notes }: EdgeGuide): string {
  const yaml = stringify(settings, { lineWidth: 0 }).trimEnd();
  return [
    'Listening',
    `  visitors, HTTP   ${listeners.http}`,
    `  visitors, HTTPS  ${listeners.https}`,
    `  connectors       ${listeners.tunnel}`,
    `  API              ${listeners.api}`,
    '',
    'Files another machine needs a copy of',
    `  CA               ${ca_file}`,
    `  API token        ${api_token_file} (a secret: whoever has it owns this edge)`,
    '',
    'Its sallyport.yml, with the paths of the copies',
    ...yaml.split('\n').map((line) => `  ${line}`),
    '',
    ...notes,
    '',
  ].join('\n');
}

const minLength = 8;

function checkPassword(password: string): void {
  const message =
    password.length < minLength
      ? `the password is shorter than ${minLength} characters`
      : Buffer.byteLength(password) > maxPasswordBytes
        ? `the password is longer than ${maxPasswordBytes} bytes`
        : undefined;
  if (message === undefined) return;
  throw new ValidationError({ code: 'E_INPUT_INVALID', message, where: 'stdin', hint: 'choose another one' });
}
