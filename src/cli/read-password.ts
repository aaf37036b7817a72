// Reads a password: from a pipe as it comes, from a terminal without showing it. Never from the command line, which others can see.
import type { ReadStream } from 'node:tty';
import { AppError } from '../errors.ts';
import type { CliIo } from './io.ts';

const maxBytes = 16 * 1024;

/** The password, without the line end. Rejects with E_USAGE when somebody presses Ctrl-C. */
export async function readPassword(input: NodeJS.ReadStream, io: CliIo): Promise<string> {
  if (!input.isTTY) return readAll(input);
  io.err('Password: ');
  input.setRawMode(true);
  try {
    return await readLine(input);
  } finally {
    input.setRawMode(false);
    input.pause();
    io.err('\n');
  }
}

async function readAll(input: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= maxBytes) chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

function readLine(input: ReadStream): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const onData = (chunk: Buffer): void => {
    for (const character of chunk.toString('utf8')) {
      if (character === '\r' || character === '\n') resolve(text);
      else if (character === '\u0003' || character === '\u0004')
        reject(new AppError({ code: 'E_USAGE', message: 'no password was given' }));
      else if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
      else text += character;
    }
  };
  input.on('data', onData);
  input.resume();
  return promise.finally(() => input.off('data', onData));
}
