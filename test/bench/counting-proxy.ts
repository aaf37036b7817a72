// Counts the calls to an API: an HTTP server on loopback that passes every request on.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A running proxy. */
export interface CountingProxy {
  readonly url: string;
  /** `GET /client/v4/…` of every call so far, without queries. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

/** Starts one before the server at `target()`, a port of 127.0.0.1, asked at every call. */
export async function startCountingProxy(target: () => number): Promise<CountingProxy> {
  const calls: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, url: path = '/', headers } = incoming;
    calls.push(`${method} ${path.split('?')[0]}`);
    const onward = request({ host: '127.0.0.1', port: target(), method, path, headers, agent: false });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, outgoing).catch(() => outgoing.destroy());
    });
    pipeline(incoming, onward).catch(() => outgoing.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
