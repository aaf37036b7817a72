// HTTP through a connector, byte for byte: what a visitor sends is what the origin gets, and the other way round.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { type Inspection, patternBytes } from '../interop/origin.ts';
import { type Answer, type Rig, startRig, until, zone } from '../interop/rig.ts';
import { type CannedOrigin, startCannedOrigin } from './canned-origin.ts';
import type { ConnectorContract, ConnectorTrial } from './connector.ts';

const never = new AbortController().signal;

/** Registers the suite. */
export function testHttpFidelity(contract: ConnectorContract): void {
  describe(`${contract.name}: HTTP fidelity`, { timeout: 240_000 }, () => fidelity(contract));
}

interface World {
  readonly rig: Rig;
  readonly canned: CannedOrigin;
  readonly trial: ConnectorTrial;
}

function fidelity(contract: ConnectorContract): void {
  let world: World;
  before(async () => {
    const rig = await startRig();
    const canned = await startCannedOrigin();
    const trial = contract.create(await rig.access(), rig);
    await trial.connector.start(never);
    await trial.connector.updateIngress([{ hostname: `canned.${zone}`, service: canned.url }, ...rig.rules]);
    world = { rig, canned, trial };
  });
  after(async () => {
    await world.trial.connector.stop(0);
    await world.canned.close();
    await world.rig.close();
  });
  answers(contract, () => world);
  requests(contract, () => world);
  websockets(() => world.rig);
}

const cookies = Array.from({ length: 60 }, (_, at) => `c${at}=${'v'.repeat(at)}; Path=/`);

interface Expected {
  readonly status: number;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly absent?: readonly string[];
}

/** What the origin sends, and what the visitor must get of it; `native` where ours differs on purpose. */
const answerCases: {
  name: string;
  method?: string;
  bytes: string;
  close?: boolean;
  expect: Expected;
  native?: Expected;
}[] = [
  {
    name: 'a sized body',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    expect: { status: 200, text: 'hello', headers: { 'content-length': '5' } },
  },
  {
    name: 'a chunked body',
    bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
    expect: { status: 200, text: 'hello' },
  },
  {
    name: 'an empty chunked body',
    bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    expect: { status: 200, text: '' },
  },
  {
    name: 'a body that ends with the connection',
    bytes: 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    close: true,
    expect: { status: 200, text: 'until the end' },
  },
  {
    name: 'an HTTP/1.0 origin',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold',
    close: true,
    expect: { status: 200, text: 'old', headers: { 'content-type': 'text/plain' } },
  },
  {
    name: 'an HTTP/1.0 origin that says the length',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold',
    close: true,
    expect: { status: 200, text: 'old', headers: { 'content-length': '3' } },
  },
  {
    name: 'HEAD with the length of what GET would bring',
    method: 'HEAD',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n',
    expect: { status: 200, text: '', headers: { 'content-length': '1234', etag: '"x"' } },
  },
  {
    name: 'HEAD without a length',
    method: 'HEAD',
    bytes: 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n',
    expect: { status: 200, text: '', headers: { 'x-a': '1' } },
  },
  {
    name: '204',
    bytes: 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
    expect: { status: 204, text: '', headers: { 'x-a': '1' } },
  },
  {
    name: '304 with its validators',
    bytes: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nCache-Control: max-age=5\r\n\r\n',
    expect: { status: 304, text: '', headers: { etag: '"x"', 'cache-control': 'max-age=5' } },
  },
  {
    name: '206 with its range',
    bytes: 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\ncde',
    expect: { status: 206, text: 'cde', headers: { 'content-range': 'bytes 2-4/10' } },
  },
  {
    name: 'the answer behind early hints',
    bytes: 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    expect: { status: 200, text: 'ok', absent: ['link'] },
  },
  {
    name: 'the answer behind a 100 nobody asked for',
    bytes: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    expect: { status: 200, text: 'ok' },
    native: { status: 502 },
  },
  {
    name: 'headers sent twice, in their order',
    bytes: 'HTTP/1.1 200 OK\r\nLink: <a>\r\nX-B: 1\r\nLink: <b>\r\nContent-Length: 0\r\n\r\n',
    expect: { status: 200, headers: { link: '<a>, <b>', 'x-b': '1' } },
  },
  {
    name: 'sixty cookies',
    bytes: `HTTP/1.1 200 OK\r\n${cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')}Content-Length: 0\r\n\r\n`,
    expect: { status: 200, headers: { 'set-cookie': cookies } },
  },
  {
    name: 'header bytes that are not ASCII',
    bytes: 'HTTP/1.1 200 OK\r\nX-Latin: caf\xe9\r\nX-Utf: caf\xc3\xa9\r\nContent-Length: 0\r\n\r\n',
    expect: { status: 200, headers: { 'x-latin': 'caf\xe9', 'x-utf': 'caf\xc3\xa9' } },
  },
  {
    name: 'a type that does not fit the content',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>',
    expect: { status: 200, text: '<html>', absent: ['content-type'] },
  },
  {
    name: 'a status nobody registered',
    bytes: 'HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n',
    expect: { status: 299 },
  },
  { name: '502 for an answer that is no HTTP', bytes: 'SSH-2.0-OpenSSH\r\n', close: true, expect: { status: 502 } },
  { name: '502 for a head cut short', bytes: 'HTTP/1.1 200 OK\r\nContent-', close: true, expect: { status: 502 } },
];

function answers({ kind }: ConnectorContract, world: () => World): void {
  for (const [at, { name, method = 'GET', bytes, close = false, native, ...both }] of answerCases.entries()) {
    const expect = kind === 'native' && native !== undefined ? native : both.expect;
    test(`a visitor gets ${expect === both.expect ? name : `${expect.status} (decision 022) where cloudflared gives ${name}`}`, async () => {
      const { rig, canned } = world();
      const path = `/answer-${at}`;
      canned.answer(path, bytes, { close });
      const answer = await rig.visit({ name: 'canned', path, method });
      assert.equal(answer.status, expect.status);
      if (expect.text !== undefined) assert.equal(answer.text, expect.text);
      for (const [header, value] of Object.entries(expect.headers ?? {}))
        assert.deepEqual(answer.headers[header], value, header);
      for (const header of expect.absent ?? []) assert.equal(answer.headers[header], undefined, header);
    });
  }

  test('an origin that hangs up without a word is 502', async () => {
    const { rig, canned } = world();
    canned.answer('/nothing', '', { close: true });
    assert.equal((await rig.visit({ name: 'canned', path: '/nothing' })).status, 502);
  });

  test('an origin that never answers is let go when the visitor leaves', async () => {
    const { rig, canned } = world();
    canned.answer('/silent', '');
    const before = canned.open;
    const port = rig.edge.addresses.http?.port ?? 0;
    const visitor = connect(port, '127.0.0.1');
    visitor.write(`GET /silent HTTP/1.1\r\nHost: canned.${zone}\r\n\r\n`);
    await until('the origin has it', () => canned.heads.at(-1)?.startsWith('GET /silent ') === true);
    visitor.destroy();
    await until('the origin was let go', () => canned.open <= before);
  });

  test('a body shorter than promised never looks whole', async () => {
    const { rig, canned } = world();
    canned.answer('/short', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this', { close: true });
    const outcome = await rig.visit({ name: 'canned', path: '/short' }).then(
      ({ status }) => `answered with ${status}`,
      () => 'broken off',
    );
    assert.match(outcome, /^(?:broken off|answered with 502)$/);
  });

  test('trailers follow the body', async () => {
    const { rig, canned } = world();
    canned.answer(
      '/trailers',
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n',
    );
    const response = await rig.open({ name: 'canned', path: '/trailers' });
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    assert.deepEqual([text, response.trailers['x-sum']], ['ok', '42']);
  });
}

/** Request targets an origin must get exactly as they were written. */
const targets = [
  '/',
  '//',
  '//double//slashes//',
  '/a%2fb%2Fc',
  '/%2e%2e/%2E',
  '/..;/x',
  '/a/../b/./c',
  '/semi;colon=1,comma',
  '/space%20and+plus',
  '/utf8/%C3%BC/%F0%9F%98%80',
  '/not-utf8/%E9%FF',
  '/brackets[1]{2}|3^',
  '/quotes"\'`<>\\',
  '/?',
  '/?a=b&a=c&=&d',
  '/?q=%00%0d%0a',
  '/?next=https://example.com/a?b=c#d'.replace('#d', '%23d'),
  `/long/${'x'.repeat(4000)}`,
];

function requests({ kind }: ConnectorContract, world: () => World): void {
  for (const target of targets) {
    test(`${target.slice(0, 40)} reaches the origin as it is`, async () => {
      const { rig, canned } = world();
      assert.equal((await rig.visit({ name: 'canned', path: target })).status, 200);
      const got = canned.heads.at(-1)?.split(' ')[1] ?? '';
      // Decision 022: cloudflared escapes characters that should have been.
      if (kind === 'cloudflared' && got !== target) assert.equal(decodeURI(got), target);
      else assert.equal(got, target);
    });
  }

  test('headers reach the origin: repeated, not ASCII, long, empty', async () => {
    const { rig, canned } = world();
    const long = 'y'.repeat(8000);
    const lines = ['X-Two: a', 'X-Two: b', 'X-Latin: caf\xe9', `X-Long: ${long}`, 'X-Empty:', 'X-Colons: a:b:c'];
    await rawVisit(rig, `GET /headers HTTP/1.1\r\nHost: canned.${zone}\r\n${lines.join('\r\n')}\r\n\r\n`);
    const sent = headersOf(canned.heads.at(-1) ?? '');
    assert.deepEqual(sent.get('x-two')?.join(', '), 'a, b');
    assert.deepEqual(sent.get('x-latin'), ['caf\xe9']);
    assert.deepEqual(sent.get('x-long'), [long]);
    assert.deepEqual(sent.get('x-empty'), ['']);
    assert.deepEqual(sent.get('x-colons'), ['a:b:c']);
  });

  test('many cookies arrive as one line, in order', async () => {
    const { rig, canned } = world();
    const jar = Array.from({ length: 80 }, (_, at) => `k${at}=${at}`).join('; ');
    await rig.visit({ name: 'canned', path: '/jar', headers: { cookie: jar } });
    assert.deepEqual(headersOf(canned.heads.at(-1) ?? '').get('cookie'), [jar]);
  });

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'REPORT']) {
    test(`a ${method} with a sized body and one with a chunked body arrive whole`, async () => {
      const { rig } = world();
      const sized = inspect(
        await rig.visit({ path: '/inspect', method, headers: { 'content-length': '5' }, body: 'hello' }),
      );
      assert.deepEqual([sized.method, sized.bodyBytes, sized.headers['content-length']], [method, 5, '5']);
      const headers = { 'transfer-encoding': 'chunked' };
      const chunked = inspect(
        await rig.visit({ path: '/inspect', method, headers, body: () => patternBytes(100_000) }),
      );
      assert.deepEqual([chunked.bodyBytes, chunked.headers['content-length']], [100_000, undefined]);
    });
  }

  test('a POST without a body has the length 0', async () => {
    const seen = inspect(
      await world().rig.visit({ path: '/inspect', method: 'POST', headers: { 'content-length': '0' } }),
    );
    // Decision 022: cloudflared sends an empty chunked body instead.
    assert.deepEqual([seen.bodyBytes, seen.headers['content-length']], [0, kind === 'native' ? '0' : undefined]);
    assert.equal(seen.headers['transfer-encoding'], kind === 'native' ? undefined : 'chunked');
  });

  test('a body that waits for 100 Continue is asked for and arrives', async () => {
    const { rig } = world();
    const head = `POST /inspect HTTP/1.1\r\nHost: app.${zone}\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    const text = await rawVisit(rig, head, (received) => (/^HTTP\/1\.1 100 /.test(received) ? 'hello' : undefined));
    assert.match(text, /HTTP\/1\.1 200 [\s\S]*"bodyBytes":5/);
  });
}

function websockets(rig: () => Rig): void {
  async function openEcho(): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${rig().edge.addresses.http?.port}/ws`, {
      headers: { host: `app.${zone}` },
      perMessageDeflate: false,
    });
    await once(socket, 'open');
    return socket;
  }

  test('websocket fragments, pings among them, are one message', async () => {
    const socket = await openEcho();
    const pong = once(socket, 'pong');
    socket.send('one ', { fin: false });
    socket.ping('are you there');
    socket.send('two ', { fin: false });
    socket.send('three', { fin: true });
    assert.equal(String((await once(socket, 'message'))[0]), 'one two three');
    assert.equal(String((await pong)[0]), 'are you there');
    socket.terminate();
  });

  test('1 MB messages go both ways at once, in order', async () => {
    const socket = await openEcho();
    const received: Buffer[] = [];
    socket.on('message', (data: Buffer) => received.push(data));
    const sent = Array.from({ length: 8 }, (_, at) => Buffer.alloc(1024 * 1024, at + 1));
    for (const message of sent) socket.send(message);
    await until('all are back', () => received.length === sent.length);
    for (const [at, message] of sent.entries()) assert.ok(received[at]?.equals(message), `message ${at}`);
    socket.close(4001, 'enough');
    assert.equal((await once(socket, 'close'))[0], 4001);
  });
}

function inspect({ status, text }: Answer): Inspection {
  assert.equal(status, 200);
  return JSON.parse(text) as Inspection;
}

/** A request written by hand; `more` may add to it when it sees what was answered so far. Gives the whole answer once its head is there. */
async function rawVisit(
  rig: Rig,
  head: string,
  more: (received: string) => string | undefined = () => undefined,
): Promise<string> {
  const socket = connect(rig.edge.addresses.http?.port ?? 0, '127.0.0.1');
  socket.setEncoding('latin1').write(head, 'latin1');
  let received = '';
  let isSent = false;
  const isAnswered = () => /HTTP\/1\.1 [2-5]\d\d [\s\S]*\r\n\r\n/.test(received);
  for await (const chunk of socket) {
    received += chunk;
    const next = isSent ? undefined : more(received);
    if (next !== undefined) {
      isSent = true;
      socket.write(next);
    } else if (isAnswered() && !isSent) break;
  }
  socket.destroy();
  return received;
}

/** Lower-case names to their values, in order. */
function headersOf(head: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    found.set(name, [...(found.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return found;
}
