// Joins a visitor's raw stream and an origin's connection: bytes both ways, each at the other's pace.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * The end of either side ends both once what was written is flushed: like cloudflared there is no half-close, so that a
 * peer that never hangs up cannot hold the other.
 */
export function splice(visitor: Duplex, origin: Socket): void {
  pump(visitor, origin);
  pump(origin, visitor);
  visitor.once('end', () => origin.destroySoon());
  origin.once('end', () => visitor.end());
  visitor.once('close', () => origin.destroy());
  origin.once('close', () => {
    // Closed without an end: the origin broke off, and the visitor must be able to tell.
    if (!origin.readableEnded) visitor.destroy(new Error('the origin broke off'));
  });
  // What an error means is said by the `close` that follows it.
  visitor.on('error', () => undefined);
  origin.on('error', () => undefined);
}

function pump(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    if (to.writable && !to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
}
