// `settings check|schema`: is this settings file right, and what may one hold.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadSettings, settingsSchema } from '../settings/load.ts';
import type { CliIo } from './io.ts';
import { globalOptions, settingsInputs } from './settings-input.ts';

/** Adds both commands. */
export function addSettingsCommands(program: Command, io: CliIo): void {
  const settings = program.command('settings').description('check a settings file, or print the schema');
  settings
    .command('check [file]')
    .description('validate the settings file and environment; exit 1 when something is wrong')
    .action((file: string | undefined) => {
      const loaded = loadSettings(settingsInputs(program, file === undefined ? undefined : resolve(file)));
      const from = loaded.file ?? 'defaults and environment';
      io.out(
        globalOptions(program).json === true
          ? `${JSON.stringify({ valid: true, file: loaded.file ?? null })}\n`
          : `OK ${from}\n`,
      );
    });
  settings
    .command('schema')
    .description('print the JSON Schema of the settings')
    .action(() => io.out(`${JSON.stringify(settingsSchema.schema, null, 2)}\n`));
}
