// HTTP/1.1 visitors: how a connection is broken off.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../../src/clock.ts';
import { createDeadlines } from '../../../src/edge/deadlines.ts';
import type { Visitor } from '../../../src/edge/visitors/visitor.ts';
import { http1Visitor } from '../../../src/edge/visitors/visitor-http1.ts';

interface Arrival {
  readonly visitor: Visitor;
  /** The edge's end of the connection. */
  readonly socket: Socket;
  /** The visitor's end of it. */
  readonly client: Socket;
}

/** One request that got half of its answer. */
async function arrive(t: TestContext): Promise<Arrival> {
  const linger = createDeadlines(systemClock, 60_000);
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    await linger.stop();
  });
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  const [request, response]: [IncomingMessage, ServerResponse] = (await once(server, 'request')) as never;
  const visitor = http1Visitor(request, response, linger);
  visitor.respond(200, ['content-length', '10'], { endStream: false, trailers: false });
  response.write('half');
  await once(client, 'data');
  return { visitor, socket: request.socket, client };
}

test('an answer that is broken off ends in a reset, so that it cannot look whole', async (t) => {
  const { visitor, client } = await arrive(t);
  const failed = once(client, 'error');
  visitor.abort();
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
});

test('a connection that has said its last word already is closed without an error', async (t) => {
  const { visitor, socket, client } = await arrive(t);
  const errors: Error[] = [];
  for (const end of [socket, client]) end.on('error', (error: Error) => errors.push(error));
  const closed = Promise.all([once(socket, 'close'), once(client, 'close')]);
  socket.end();
  visitor.abort();
  await closed;
  assert.deepEqual(errors, []);
});
