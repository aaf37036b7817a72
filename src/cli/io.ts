// How commands speak: output and the exit code as values, so that a command can be run inside a test.

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
