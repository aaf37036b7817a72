// A plain TCP relay between connectors and the edge, so that a connection can be cut without either end having wanted it.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running relay. */
export interface Relay {
  readonly port: number;
  /** How many connections are open. */
  readonly open: number;
  /** Drops this many of them, the oldest first, with whatever they were carrying. */
  cut(count: number): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and passes everything on to `target()`, asked for each connection. */
export async function startRelay(target: () => number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = connect(target(), '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      // One end that fails or leaves takes the other with it.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = (count: number) => {
    for (const [near, far] of [...pairs].slice(0, count)) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    cut,
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut(pairs.size);
      await closed;
    },
  };
}
