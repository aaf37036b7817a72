// The command line: global options, one registration per command, errors to exit codes.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AppError, formatError } from '../errors.ts';
import { version } from '../version.ts';
import { addAccessCommands } from './access.ts';
import { addAdoptCommand } from './adopt.ts';
import { addApplyCommand } from './apply.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDriftCommand } from './drift.ts';
import { addEdgeCommand } from './edge.ts';
import { addExportCommands } from './export.ts';
import { addIngressCommands } from './ingress.ts';
import type { CliIo } from './io.ts';
import { addPlanCommand } from './plan.ts';
import { addPluginsCommands } from './plugins.ts';
import { addQuickCommand } from './quick.ts';
import { addReleaseCommand } from './release.ts';
import { addRunCommand } from './run.ts';
import { addServicesCommand } from './services.ts';
import { addSettingsCommands } from './settings.ts';
import { addTunnelCommands } from './tunnel.ts';

/** Runs one command line; sets the exit code: 0 done, 1 failed or invalid input, 2 the command line is wrong. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<void> {
  try {
    await createProgram(io).parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Asking for help or the version is not a mistake.
      io.setExitCode(error.exitCode === 0 ? 0 : 2);
      return;
    }
    io.err(`${formatError(error)}\n`);
    if (!(error instanceof AppError) && error instanceof Error) io.err(`${error.stack ?? ''}\n`);
    io.setExitCode(1);
  }
}

/** The whole command line. */
export function createProgram(io: CliIo): Command {
  const program = new Command('sallyport')
    .description("Puts a homelab's services on the internet without an open port.")
    .version(version, '--version', 'print the version')
    .option('--settings <file>', 'settings file (default: sallyport.yml here or in the data directory)')
    .option('--json', 'print JSON instead of a table')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels))
    .option('--edge <host:port>', 'dial this edge instead of Cloudflare’s (repeatable)', collectEdge)
    .option('--edge-ca <file>', 'PEM file with the CA of that edge')
    .option('--api-url <url>', 'use this API instead of Cloudflare’s', readUrl)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(usageError(text)) })
    .showSuggestionAfterError();
  addRunCommand(program);
  addAccessCommands(program, io);
  addServicesCommand(program, io);
  addPlanCommand(program, io);
  addApplyCommand(program, io);
  addDriftCommand(program, io);
  addAdoptCommand(program, io);
  addReleaseCommand(program, io);
  addDoctorCommand(program, io);
  addExportCommands(program, io);
  addIngressCommands(program, io);
  addPluginsCommands(program, io);
  addSettingsCommands(program, io);
  addTunnelCommands(program, io);
  addQuickCommand(program, io);
  addEdgeCommand(program, io);
  return program;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'];

/** What the parser says ("error: unknown command 'x'", perhaps a suggestion on a second line) in the form of every other error. */
function usageError(text: string): string {
  const [first = '', suggestion] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const message = first.replace(/\.$/, '');
  const hint = suggestion === undefined ? 'see `sallyport --help`' : suggestion.replace(/^\(D(.*)\)$/, 'd$1');
  return `${formatError(new AppError({ code: 'E_USAGE', message, hint }))}\n`;
}

function collectEdge(value: string, previous: readonly string[] | undefined): string[] {
  if (!/^.+:[0-9]{1,5}$/.test(value)) throw new InvalidArgumentError('write it like edge.example.com:7844');
  return [...(previous ?? []), value];
}

function readUrl(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new InvalidArgumentError('write it like https://api.example.com/client/v4');
  return value;
}
