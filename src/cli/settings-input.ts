// From the global options to loaded settings and a logger: what every command that needs them begins with.
import type { Command } from 'commander';
import { createLogger, type Logger, type LogLevel } from '../logger.ts';
import { currentPlatform } from '../platform.ts';
import { type LoadedSettings, loadSettings, mergeSettings, type SettingsInputs } from '../settings/load.ts';

interface GlobalOptions {
  readonly settings?: string;
  readonly json?: boolean;
  readonly logLevel?: LogLevel;
  readonly edge?: readonly string[];
  readonly edgeCa?: string;
  readonly apiUrl?: string;
}

/** The options before the command's name. */
export function globalOptions(program: Command): GlobalOptions {
  return program.opts<GlobalOptions>();
}

/** Where this command line's settings come from. */
export function settingsInputs(program: Command, file?: string): SettingsInputs {
  const options = globalOptions(program);
  const cloudflare = {
    ...(options.edge === undefined ? {} : { edge: options.edge }),
    ...(options.edgeCa === undefined ? {} : { edge_ca: options.edgeCa }),
    ...(options.apiUrl === undefined ? {} : { api_url: options.apiUrl }),
  };
  return {
    file: file ?? options.settings,
    env: process.env,
    cwd: process.cwd(),
    overrides: mergeSettings(currentPlatform().settings?.() ?? {}, {
      ...(options.logLevel === undefined ? {} : { log: { level: options.logLevel } }),
      ...(Object.keys(cloudflare).length === 0 ? {} : { cloudflare }),
    }),
  };
}

/** Loads the settings; one-shot commands stay quiet unless `--log-level` asks, so that their output stands alone. */
export function loadForCommand(
  program: Command,
  quietLevel: LogLevel = 'error',
): { loaded: LoadedSettings; logger: Logger } {
  const loaded = loadSettings(settingsInputs(program));
  const level = globalOptions(program).logLevel ?? quietLevel;
  return { loaded, logger: createLogger({ level, format: loaded.settings.log.format }) };
}
