// How commands speak: output and the exit code as values, so that a command can be run inside a test.
import { AppError, formatError } from '../errors.ts';

/** Where a command writes and how it ends; `out` is for results, `err` for everything else. */
export interface CliIo {
  out(text: string): void;
  err(text: string): void;
  setExitCode(code: number): void;
}

/** The process's own streams and exit code. */
export const processIo: CliIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

/** Makes output nobody takes any more end the process in good order: `sallyport … | head` is no failure, a full disk is one. */
export function endWithOutput(): void {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') process.exit();
    const message = `the output cannot be written (${cause.code ?? 'unknown'})`;
    const hint = 'check where it goes, and the free space there';
    processIo.err(`${formatError(new AppError({ code: 'E_STATE', message, where: 'stdout', hint, cause }))}\n`);
    process.exit(1);
  });
  // There is nowhere left to say it; what the program does goes on.
  process.stderr.on('error', () => undefined);
}
