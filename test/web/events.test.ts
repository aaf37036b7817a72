// Events over a real socket: what happens is told, what was missed is told again, and a reader that does not read is let go.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { createEventHub } from '../../src/web/event-hub.ts';
import { createFixture, secrets } from './fixture.ts';

async function listening() {
  const hub = createEventHub('ab');
  const { app } = createFixture({ hub });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return { hub, app, port, url: `http://127.0.0.1:${port}/api/events` };
}

/** Reads until the text is there. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.includes(wanted)) break;
  }
  return text;
}

describe('events', () => {
  test('are told as they happen, log lines by their level', async () => {
    const { hub, app, url } = await listening();
    const response = await fetch(`${url}?level=warn`);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    hub.publish('log', { message: 'quiet' }, 30);
    hub.publish('log', { message: 'loud' }, 40);
    hub.publish('snapshot', { revision: 4 });
    const text = await readUntil(response, 'revision');
    assert.ok(!text.includes('quiet'));
    assert.match(text, /event: hello\n/);
    assert.match(text, /id: ab-2\nevent: log\ndata: \{"message":"loud"\}\n\nid: ab-3\nevent: snapshot\n/);
    await app.close();
  });

  test('what was missed is told again; what is too old, or of another run, begins anew', async () => {
    const { hub, app, url } = await listening();
    for (let at = 1; at <= 3; at++) hub.publish('snapshot', { revision: at });
    const back = await fetch(url, { headers: { 'last-event-id': 'ab-1' } });
    const text = await readUntil(back, 'ab-3');
    assert.ok(!text.includes('hello') && !text.includes('"revision":1') && text.includes('"revision":2'));
    for (const id of ['cd-1', 'ab-99', 'nonsense']) {
      const anew = await fetch(url, { headers: { 'last-event-id': id } });
      assert.match(await readUntil(anew, 'hello'), /id: ab-3\nevent: hello/);
    }
    await app.close();
  });

  test('a reader that does not read is let go, and what is kept for it stays small', async () => {
    const { hub, app, port } = await listening();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${secrets.token}\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    assert.equal(hub.isHeard(), true);
    const large = 'x'.repeat(200_000);
    let told = 0;
    while (hub.isHeard() && told < 1_000) {
      hub.publish('snapshot', { large });
      told++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(told < 1_000, 'it was never let go');
    assert.ok((hub.since('ab-0')?.length ?? 0) < 20);
    socket.destroy();
    await app.close();
  });

  test('a server that closes ends every stream', async () => {
    const { app, url, hub } = await listening();
    const response = await fetch(url);
    await app.close();
    await assert.doesNotReject(response.text().catch(() => ''));
    assert.equal(hub.isHeard(), false);
  });
});
