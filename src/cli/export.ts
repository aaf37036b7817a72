// `export cloudflared|terraform|compose`: what is applied, in the words of another tool. What it does is loaded when it is called.
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { ExportOptions } from './export-file.ts';
import type { CliIo } from './io.ts';
import { globalOptions } from './settings-input.ts';

/** Adds the three commands. */
export function addExportCommands(program: Command, io: CliIo): void {
  const parent = program
    .command('export')
    .description('what is applied, in the words of another tool; changes nothing');
  for (const { name, description } of formats) {
    parent
      .command(name)
      .description(description)
      .option('--output <file>', 'write to this file instead of standard output')
      .option('--force', 'replace the file if it is there')
      .action(async (options: ExportOptions) => {
        const json = globalOptions(program).json === true;
        if (json && name === 'terraform') throw noJson();
        const { runExport } = await import('./export-run.ts');
        await runExport({ format: name, json, options, program, io });
      });
  }
}

/** What can be exported. */
export type ExportFormat = 'cloudflared' | 'terraform' | 'compose';

const formats: readonly { readonly name: ExportFormat; readonly description: string }[] = [
  { name: 'cloudflared', description: 'a configuration file that cloudflared runs as it is' },
  { name: 'terraform', description: "HCL for Cloudflare's provider, with import blocks for what exists" },
  { name: 'compose', description: 'labels to paste into Compose files' },
];

function noJson(): AppError {
  return new AppError({
    code: 'E_INPUT_INVALID',
    message: '`export terraform` writes HCL and has no JSON form',
    where: '--json',
    hint: 'leave --json out',
  });
}
