// Two ends of a real TCP connection, and a way to cut what is read from one into pieces.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { compose, type Duplex, Transform } from 'node:stream';

/** Both ends of one connection. */
export interface StreamPair {
  readonly client: Socket;
  readonly server: Socket;
  close(): void;
}

/** A connection over loopback, without Nagle's delay; either end may finish before the other. */
export async function streamPair(): Promise<StreamPair> {
  const listener = createServer({ noDelay: true, allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const [server] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  return { client, server, close: () => void [client.destroy(), server.destroy()] };
}

/** The same stream, whose reads come in pieces of the given sizes, over and over. */
export function inPieces(stream: Duplex, sizes: readonly number[]): Duplex {
  let next = 0;
  const cutter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; ) {
        const size = sizes[next++ % sizes.length] ?? 1;
        this.push(chunk.subarray(at, at + size));
        at += size;
      }
      done();
    },
  });
  return compose(stream, cutter);
}

/** Resolves once the condition holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
