// Collects a request body whose length the origin must know before it starts.
import { OriginError } from '../errors.ts';
import type { Exchange } from './exchange.ts';

/** The most a rule with `disableChunkedEncoding` may hold in memory for one request. */
export const maxCollectedBody = 32 * 1024 * 1024;

/** Hands over the whole body, or fails the exchange when it is too long; nothing happens when the visitor leaves. */
export function collectBody(exchange: Exchange, done: (body: Buffer) => void): void {
  const body = exchange.body();
  const chunks: Buffer[] = [];
  let size = 0;
  body.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxCollectedBody) {
      body.destroy();
      exchange.fail(tooLong());
      return;
    }
    chunks.push(chunk);
  });
  body.on('end', () => done(Buffer.concat(chunks)));
  // The body breaks off only because the visitor left, which the exchange's listener hears.
  body.on('error', () => undefined);
}

function tooLong(): OriginError {
  return new OriginError({
    code: 'E_ORIGIN_FAILED',
    message: `a request body of unknown length is over ${maxCollectedBody / 1024 / 1024} MiB`,
    hint: 'remove originRequest.disableChunkedEncoding from the rule, or let the client send Content-Length',
  });
}
