// Requests through the edge to a connector: bodies, streams, fail-over, broken answers and error pages.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import test from 'node:test';
import { startRig, until } from '../rig.ts';
import { answer, type EdgeStream, respond } from '../test-connector.ts';

const timeouts = { response: 400 };

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Everything a stream brings. */
async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('a request reaches the connector as Cloudflare would send it, and the answer comes back as the origin wrote it', async (t) => {
  const rig = await startRig(t);
  let seen: EdgeStream | undefined;
  await rig.connect({
    onStream: (incoming) => {
      seen = incoming;
      answer(incoming.stream, 201, ['Content-Type', 'text/x-odd', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'], 'made');
    },
  });
  const got = await rig.fetch({ path: '/a%20b?q=%2F', headers: { 'X-Custom': 'yes', 'x-forwarded-for': '10.1.1.1' } });
  assert.equal(got.status, 201);
  assert.equal(got.text, 'made');
  assert.equal(got.headers['content-type'], 'text/x-odd');
  assert.deepEqual(got.headers['set-cookie'], ['a=1', 'b=2']);
  assert.match(String(got.headers['cf-ray']), /^[0-9a-f]{16}-sallyport$/);
  assert.equal(got.headers.server, 'sallyport');
  assert.equal(seen?.kind, 'http');
  const headers = seen?.headers ?? {};
  assert.equal(headers[':method'], 'GET');
  assert.equal(headers[':path'], '/a%20b?q=%2F');
  assert.equal(headers[':authority'], 'app.test');
  assert.equal(headers['x-custom'], 'yes');
  assert.equal(headers['cf-connecting-ip'], '127.0.0.1');
  assert.equal(headers['x-forwarded-for'], '10.1.1.1, 127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['cf-visitor'], '{"scheme":"http"}');
  assert.equal(headers['accept-encoding'], 'identity');
  assert.equal(headers['cdn-loop'], 'cloudflare; loops=1');
  assert.equal(headers['cf-ray'], got.headers['cf-ray']);
});

test('64 MB travel down and up unchanged', async (t) => {
  const rig = await startRig(t);
  const data = randomBytes(64 * 1024 * 1024);
  const expected = sha256(data);
  await rig.connect({
    onStream: async ({ stream, headers }) => {
      if (headers[':method'] === 'GET') {
        answer(stream, 200, ['content-type', 'application/octet-stream'], data);
        return;
      }
      answer(stream, 200, [], sha256(await readAll(stream)));
    },
  });
  assert.equal(sha256((await rig.fetch()).body), expected, 'down');
  assert.equal((await rig.fetch({ method: 'POST', body: data })).text, expected, 'up');
  const chunked = { 'transfer-encoding': 'chunked' };
  assert.equal(
    (await rig.fetch({ method: 'PUT', body: data, headers: chunked, secure: true })).text,
    expected,
    'up, TLS',
  );
});

test('a visitor who does not read holds the origin back instead of filling memory', async (t) => {
  const rig = await startRig(t);
  let written = 0;
  const total = 512 * 1024 * 1024;
  await rig.connect({
    onStream: ({ stream }) => {
      respond(stream, 200, []);
      const chunk = Buffer.alloc(256 * 1024);
      const pump = () => {
        while (written < total && stream.writable) {
          written += chunk.length;
          if (!stream.write(chunk)) {
            stream.once('drain', pump);
            return;
          }
        }
      };
      pump();
    },
  });
  const response = await rig.open();
  // Nothing is read; the flow has to come to rest.
  let before = -1;
  while (before !== written) {
    before = written;
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(written < total / 4, `${written} bytes were taken from the origin`);
  response.destroy();
});

test('a visitor who never reads is let go, and the origin with him', async (t) => {
  const rig = await startRig(t, { timeouts: { stall: 100 } });
  let closed = false;
  await rig.connect({
    onStream: ({ stream }) => {
      stream.once('close', () => {
        closed = true;
      });
      respond(stream, 200, []);
      stream.end(Buffer.alloc(64 * 1024 * 1024));
    },
  });
  const response = await rig.open();
  const failed = once(response, 'error');
  await until(() => closed);
  response.resume();
  await failed;
});

test('an event stream arrives event by event', async (t) => {
  const rig = await startRig(t);
  let origin: ServerHttp2Stream | undefined;
  await rig.connect({
    onStream: ({ stream }) => {
      origin = stream;
      respond(stream, 200, ['content-type', 'text/event-stream']);
    },
  });
  const response = await rig.open();
  assert.equal(response.headers['content-type'], 'text/event-stream');
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    origin?.write(event);
    const [chunk] = await once(response, 'data');
    assert.equal(chunk.toString(), event);
  }
  origin?.end();
  await once(response, 'end');
});

test('a visitor who leaves ends the request at the connector', async (t) => {
  const rig = await startRig(t);
  const cancelled = new Promise<number>((resolve) => {
    void rig.connect({
      onStream: ({ stream }) => {
        respond(stream, 200, []);
        stream.write('first');
        stream.once('close', () => resolve(stream.rstCode ?? 0));
      },
    });
  });
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 1);
  const response = await rig.open();
  await once(response, 'data');
  response.destroy();
  assert.equal(await cancelled, constants.NGHTTP2_CANCEL);
});

test('an upload its visitor breaks off never looks whole to the origin', async (t) => {
  const rig = await startRig(t);
  let arrived = false;
  const failure = new Promise<string>((resolve) => {
    void rig.connect({
      onStream: ({ stream }) => {
        stream.on('data', () => {
          arrived = true;
        });
        stream.once('end', () => stream.rstCode === 0 && resolve('looks whole'));
        stream.once('close', () => resolve(`reset ${stream.rstCode}`));
      },
    });
  });
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 1);
  const socket = connectTcp(rig.ports.http, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await until(() => arrived);
  socket.resetAndDestroy();
  assert.match(await failure, /^reset [1-9]/);
});

test('an origin that does not take an upload is the one that timed out', async (t) => {
  const rig = await startRig(t, { timeouts });
  await rig.connect({ onStream: () => undefined });
  assert.equal((await rig.fetch({ method: 'POST', body: Buffer.alloc(32 * 1024 * 1024) })).status, 524);
});

test('an answer to HEAD, 204 and 304 has no body and the connection goes on', async (t) => {
  const rig = await startRig(t);
  await rig.connect({
    onStream: ({ stream, headers }) => {
      const status = Number(headers[':path']?.slice(1));
      if (headers[':method'] === 'HEAD') answer(stream, 200, ['content-length', '5']);
      else answer(stream, status, ['etag', '"x"']);
    },
  });
  const head = await rig.fetch({ method: 'HEAD', path: '/200' });
  assert.equal(head.headers['content-length'], '5');
  assert.equal((await rig.fetch({ path: '/204' })).status, 204);
  assert.equal((await rig.fetch({ path: '/304' })).status, 304);
});

test('trailers of the origin reach the visitor', async (t) => {
  const rig = await startRig(t);
  await rig.connect({
    onStream: ({ stream }) => {
      stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': '' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end('body');
    },
  });
  const got = await rig.fetch();
  assert.equal(got.text, 'body');
  assert.equal(got.trailers['grpc-status'], '0');
});

interface Ending {
  readonly name: string;
  readonly headers: readonly string[];
  readonly end: (stream: ServerHttp2Stream) => void;
}

const endings: readonly Ending[] = [
  {
    name: 'the origin fails in the middle',
    headers: [],
    end: (stream) => stream.destroy(new Error('the origin is gone')),
  },
  { name: 'the connector is killed', headers: [], end: (stream) => stream.session?.destroy() },
  {
    name: 'the connector is killed, length announced',
    headers: ['content-length', '1000'],
    end: (stream) => stream.session?.destroy(),
  },
  { name: 'the body is shorter than announced', headers: ['content-length', '1000'], end: (stream) => stream.end() },
  {
    name: 'the body is longer than announced',
    headers: ['content-length', '8'],
    end: (stream) => stream.end('and much more than that'),
  },
];

for (const { name, headers, end } of endings) {
  for (const secure of [false, true]) {
    test(`a truncated body never looks whole: ${name}${secure ? ', over TLS' : ''}`, async (t) => {
      const rig = await startRig(t);
      let origin: ServerHttp2Stream | undefined;
      await rig.connect({
        onStream: ({ stream }) => {
          origin = stream;
          // Not through encodeResponseHeaders: a hostile connector's HTTP/2 layer does not check lengths for us.
          const serialized = headers.map((part) => Buffer.from(part).toString('base64').replace(/=+$/, '')).join(':');
          stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': serialized });
          stream.write('partial');
        },
      });
      const response = await rig.open({ secure });
      await once(response, 'data');
      if (origin !== undefined) end(origin);
      await assert.rejects(readAll(response), /aborted|ECONNRESET|Parse Error/);
    });
  }
}

test('a body without length or chunks (HTTP/1.0) ends with a reset when it is not whole', async (t) => {
  const rig = await startRig(t);
  let origin: ServerHttp2Stream | undefined;
  await rig.connect({
    onStream: ({ stream }) => {
      origin = stream;
      respond(stream, 200, []);
      stream.write('partial');
    },
  });
  const socket = connectTcp(rig.ports.http, '127.0.0.1');
  socket.write('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await once(socket, 'data');
  origin?.destroy(new Error('the origin is gone'));
  const [error] = await once(socket, 'error');
  assert.equal(error.code, 'ECONNRESET');
});

test('requests are shared out over the connections of all connectors', async (t) => {
  const rig = await startRig(t);
  const held: ServerHttp2Stream[] = [];
  const onStream = ({ stream }: EdgeStream) => held.push(stream);
  const clientId = '5b4a3c2d-0000-4000-8000-000000000001';
  const connectors = [
    await rig.connect({ onStream, clientId, connIndex: 0 }),
    await rig.connect({ onStream, clientId, connIndex: 1 }),
    await rig.connect({ onStream }),
  ];
  const answers = Array.from({ length: 9 }, () => rig.fetch());
  await until(() => held.length === 9);
  assert.deepEqual(
    connectors.map((connector) => connector.served()),
    [3, 3, 3],
  );
  for (const stream of held) answer(stream, 200, [], 'ok');
  for (const got of await Promise.all(answers)) assert.equal(got.text, 'ok');
});

test('no request is lost when one of the connections dies under traffic', async (t) => {
  const rig = await startRig(t);
  const first = await rig.connect({ connIndex: 0 });
  await rig.connect({ connIndex: 1 });
  const results: number[] = [];
  const visitor = async () => {
    for (let i = 0; i < 25; i++) results.push((await rig.fetch()).status);
  };
  const visitors = Array.from({ length: 8 }, visitor);
  await until(() => results.length > 50);
  first.socket.destroy();
  await Promise.all(visitors);
  assert.equal(results.length, 200);
  assert.ok(results.every((status) => status === 200));
});

test('a refused request is tried on another connection, its body included', async (t) => {
  const rig = await startRig(t);
  let refused = 0;
  const refuse = ({ stream }: EdgeStream) => {
    refused++;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  };
  await rig.connect({ connIndex: 0, onStream: refuse });
  await rig.connect({
    connIndex: 1,
    onStream: async ({ stream }) => answer(stream, 200, [], await readAll(stream)),
  });
  for (let i = 0; i < 4; i++) assert.equal((await rig.fetch({ method: 'POST', body: 'precious' })).text, 'precious');
  assert.ok(refused > 0);
});

test('a request that may have had an effect is never sent twice', async (t) => {
  const rig = await startRig(t);
  let served = 0;
  const die = ({ stream }: EdgeStream) => {
    served++;
    stream.session?.destroy();
  };
  await rig.connect({ connIndex: 0, onStream: die });
  await rig.connect({ connIndex: 1, onStream: die });
  assert.equal((await rig.fetch({ method: 'POST', body: 'pay' })).status, 502);
  assert.equal(served, 1);
});

test('a request is tried at most three times', async (t) => {
  const rig = await startRig(t);
  let served = 0;
  for (let connIndex = 0; connIndex < 5; connIndex++) {
    await rig.connect({
      connIndex,
      onStream: ({ stream }) => {
        served++;
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
      },
    });
  }
  assert.equal((await rig.fetch()).status, 502);
  assert.equal(served, 3);
});

test('a connector that drains gets no new requests and finishes the old ones', async (t) => {
  const rig = await startRig(t);
  let slow: ServerHttp2Stream | undefined;
  const old = await rig.connect({
    onStream: ({ stream }) => {
      slow = stream;
    },
  });
  const waiting = rig.fetch();
  await until(() => slow !== undefined);
  const fresh = await rig.connect();
  await old.client.unregisterConnection(5_000);
  await until(() => rig.edge.registry.connections(rig.tunnel.id).some(({ draining }) => draining));
  for (let i = 0; i < 6; i++) assert.equal((await rig.fetch()).text, 'hello');
  assert.equal(old.served(), 1);
  assert.equal(fresh.served(), 6);
  if (slow !== undefined) answer(slow, 200, [], 'late but whole');
  assert.equal((await waiting).text, 'late but whole');
  await old.closed;
});

interface PageCase {
  readonly name: string;
  readonly status: number;
  readonly text: RegExp;
  readonly act: (rig: Awaited<ReturnType<typeof startRig>>) => ReturnType<typeof rig.fetch>;
}

const pages: readonly PageCase[] = [
  {
    name: 'a name without a record',
    status: 530,
    text: /error code: 1016/,
    act: (rig) => rig.fetch({ host: 'nowhere.test' }),
  },
  {
    name: 'a record of a tunnel that does not exist',
    status: 530,
    text: /error code: 1016/,
    act: (rig) => {
      rig.directory.addRoute('ghost.test', '00000000-0000-4000-8000-000000000000');
      return rig.fetch({ host: 'ghost.test' });
    },
  },
  {
    name: 'a tunnel without a connector',
    status: 530,
    text: /error code: 1033/,
    act: (rig) => rig.fetch(),
  },
  {
    name: 'an origin that is down',
    status: 502,
    text: /could not reach the service/,
    act: async (rig) => {
      await rig.connect({
        onStream: ({ stream }) => {
          stream.respond({ ':status': 502, 'cf-cloudflared-response-meta': '{"src":"cloudflared"}' });
          stream.end();
        },
      });
      return rig.fetch();
    },
  },
  {
    name: 'an origin that does not answer',
    status: 524,
    text: /did not answer in time/,
    act: async (rig) => {
      await rig.connect({ onStream: () => undefined });
      return rig.fetch();
    },
  },
  {
    name: 'an upload that stalls',
    status: 408,
    text: /did not arrive in time/,
    act: async (rig) => {
      await rig.connect({ onStream: () => undefined });
      return rig.fetch({ method: 'POST', headers: { 'content-length': '10' }, body: 'half' });
    },
  },
  {
    name: 'an answer that cannot be decoded',
    status: 502,
    text: /could not be understood/,
    act: async (rig) => {
      await rig.connect({
        onStream: ({ stream }) => {
          stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': 'a:b:c' });
          stream.end();
        },
      });
      return rig.fetch();
    },
  },
  {
    name: 'an answer that announces a body and has none',
    status: 502,
    text: /could not be understood/,
    act: async (rig) => {
      await rig.connect({
        onStream: ({ stream }) => {
          // content-length: 5
          const headers = { ':status': 200, 'cf-cloudflared-response-headers': 'Y29udGVudC1sZW5ndGg:NQ' };
          stream.respond(headers, { endStream: true });
        },
      });
      return rig.fetch();
    },
  },
  {
    name: 'a body above the limit, announced',
    status: 413,
    text: /larger than this edge accepts/,
    act: async (rig) => {
      await rig.connect();
      return rig.fetch({ method: 'POST', body: Buffer.alloc(2_000) });
    },
  },
  {
    name: 'a body above the limit, not announced',
    status: 413,
    text: /larger than this edge accepts/,
    act: async (rig) => {
      await rig.connect({ onStream: () => undefined });
      return rig.fetch({ method: 'POST', body: Buffer.alloc(2_000), headers: { 'transfer-encoding': 'chunked' } });
    },
  },
  {
    name: 'a request that has come through too often',
    status: 508,
    text: /public name/,
    act: async (rig) => {
      await rig.connect();
      return rig.fetch({ headers: { 'cdn-loop': 'cloudflare; loops=8' } });
    },
  },
  {
    name: "the connector's management name",
    status: 403,
    text: /Reserved name/,
    act: async (rig) => {
      rig.directory.addRoute('management.argotunnel.com', rig.tunnel.id);
      await rig.connect();
      return rig.fetch({ host: 'Management.ArgoTunnel.com.:8080' });
    },
  },
];

for (const { name, status, text, act } of pages) {
  test(`the visitor is told: ${name}`, async (t) => {
    const rig = await startRig(t, { timeouts, maxBodyBytes: 1_000 });
    const got = await act(rig);
    assert.equal(got.status, status);
    assert.match(got.text, text);
    assert.match(String(got.headers['content-type']), /^text\/html/);
    assert.match(String(got.headers['cf-ray']), /-sallyport$/);
    assert.equal(got.headers['cache-control'], 'private, no-store');
  });
}

test('whoever asks for JSON gets the problem as JSON', async (t) => {
  const rig = await startRig(t);
  const got = await rig.fetch({ headers: { accept: 'application/json' } });
  const problem = JSON.parse(got.text);
  assert.equal(problem.status, 530);
  assert.equal(problem.error_code, 1033);
  assert.equal(problem.title, 'Error 1033: Cloudflare Tunnel error');
  assert.equal(problem.retryable, true);
});
