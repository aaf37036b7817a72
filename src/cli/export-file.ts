// Where an export goes: standard output, or a new file.
import { writeFileSync } from 'node:fs';
import { AppError } from '../errors.ts';
import type { CliIo } from './io.ts';

/** Options of every `export`. */
export interface ExportOptions {
  readonly output?: string;
  readonly force?: boolean;
}

/** Writes it; a file that is there is only replaced with `--force`: it may be somebody's own. */
export function writeExport(text: string, { output, force }: ExportOptions, io: CliIo): void {
  if (output === undefined || output === '-') {
    io.out(text);
    return;
  }
  try {
    writeFileSync(output, text, { flag: force === true ? 'w' : 'wx' });
  } catch (cause) {
    throw refusal(output, cause);
  }
  io.err(`Written to ${output}.\n`);
}

function refusal(output: string, cause: unknown): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new AppError({
      code: 'E_INPUT_INVALID',
      message: 'the file exists already',
      where: output,
      hint: 'choose another name, or replace it with --force',
    });
  return new AppError({
    code: 'E_STATE',
    message: `the file cannot be written (${code ?? 'unknown'})`,
    where: output,
    hint: 'check the folder and its permissions',
    cause,
  });
}
