// What every connector promises, checked against the embedded edge: one suite, run on each implementation.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { Connector } from '../../src/contracts.ts';
import { EdgeError } from '../../src/errors.ts';
import type { IngressRule } from '../../src/model.ts';
import { greeting, type Inspection, patternBytes, patternHash } from '../interop/origin.ts';
import { type EdgeAccess, type Rig, startRig, until, type Visit, zone } from '../interop/rig.ts';
import { testHttpFidelity } from './http-fidelity.ts';
import { testServices } from './services.ts';

/** A connector being tested. */
export interface ConnectorTrial {
  readonly connector: Connector;
  /** Differs when the connector is not the one it was: a process id, a connector id. */
  identity(): string;
}

/** One that can be killed without notice. */
export interface VictimTrial {
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** How to make what is tested. */
export interface ConnectorContract {
  readonly name: string;
  /** Where the two differ on purpose, a test says what each does, and which decision says why. */
  readonly kind: 'native' | 'cloudflared';
  /** How many changes of rules are made under load. */
  readonly updates: number;
  /** Not started yet. `rig` is for what a connector cannot do alone: asking the API to push rules. */
  create(access: EdgeAccess, rig: Rig): ConnectorTrial;
  /** Started; a process of its own. */
  startVictim(access: EdgeAccess, rig: Rig): Promise<VictimTrial>;
}

const never = new AbortController().signal;
const largeBytes = 24 * 1024 * 1024;

/** Registers the suite. */
export function testConnector(contract: ConnectorContract): void {
  testHttpFidelity(contract);
  testServices(contract);
  describe(`${contract.name}: serving`, { timeout: 240_000 }, () => serving(contract));
  describe(`${contract.name}: changing rules`, { timeout: 240_000 }, () => changingRules(contract));
  describe(`${contract.name}: coming and going`, { timeout: 240_000 }, () => comingAndGoing(contract));
}

async function startTrial(contract: ConnectorContract, rig: Rig): Promise<ConnectorTrial> {
  const trial = contract.create(await rig.access(), rig);
  await trial.connector.start(never);
  return trial;
}

function serving(contract: ConnectorContract): void {
  let rig: Rig;
  let trial: ConnectorTrial;
  before(async () => {
    rig = await startRig();
    trial = await startTrial(contract, rig);
  });
  after(async () => {
    await trial.connector.stop(0);
    await rig.close();
  });

  test('given address, CA and credentials it registers, with as many connections as it was asked for', async () => {
    await until('both connections are up', () => rig.edge.registry.connections(rig.tunnelId).length === 2);
    await until('it knows', () => trial.connector.connections().filter((c) => c.state === 'connected').length === 2);
    const [first] = trial.connector.connections();
    assert.equal(first?.edge?.host, '127.0.0.1');
    assert.equal(first?.edge?.port, rig.relay.port);
    const clients = rig.edge.registry.connections(rig.tunnelId).map((connection) => connection.clientId);
    assert.equal(new Set(clients).size, 1);
  });

  const answers: { name: string; visit: Visit; status: number; text?: RegExp }[] = [
    { name: 'a page', visit: {}, status: 200, text: /^hello from first$/ },
    { name: 'a rule chosen by path', visit: { path: '/second/x' }, status: 200, text: /^hello from second$/ },
    { name: 'a wildcard', visit: { name: 'any.wild' }, status: 200, text: /^hello from second$/ },
    { name: 'an error page of the origin', visit: { path: '/missing' }, status: 404, text: /^no such page$/ },
    { name: 'a redirect, not followed', visit: { path: '/moved' }, status: 302 },
    { name: 'a fixed status', visit: { name: 'teapot' }, status: 418, text: /^$/ },
    { name: 'the catch-all', visit: { name: 'nobody' }, status: 404 },
    { name: 'the built-in page', visit: { name: 'hello' }, status: 200, text: /<html/i },
    { name: 'an origin that is down', visit: { name: 'down' }, status: 502 },
  ];
  for (const { name, visit, status, text } of answers) {
    test(`${name} is answered with ${status}`, async () => {
      const answer = await rig.visit(visit);
      assert.equal(answer.status, status);
      if (text !== undefined) assert.match(answer.text, text);
    });
  }

  test('method, path, query and headers reach the origin as they were sent', async () => {
    const path = '/inspect?q=a%20b&empty=&%C3%BC=1';
    const headers = {
      'x-custom': 'a, b',
      'accept-encoding': 'identity',
      'user-agent': 'interop/1',
      cookie: 'a=1; b=2',
    };
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const seen = inspection(await rig.visit({ path, method, headers }));
      assert.equal(seen.method, method);
      assert.equal(seen.url, path);
      assert.equal(seen.headers.host, `app.${zone}`);
      for (const [name, value] of Object.entries(headers)) assert.equal(seen.headers[name], value, name);
      assert.equal(seen.headers['x-forwarded-proto'], 'http');
      assert.equal(seen.headers['cf-connecting-ip'], '127.0.0.1');
    }
  });

  test('nothing of the tunnel’s own headers reaches origin or visitor', async () => {
    const answer = await rig.visit({ path: '/inspect', headers: { 'cf-cloudflared-proxy-src': '10.0.0.1' } });
    const names = [...Object.keys(inspection(answer).headers), ...Object.keys(answer.headers)];
    assert.deepEqual(
      names.filter((name) => name.startsWith('cf-cloudflared-') || name.startsWith('cf-int-')),
      [],
    );
  });

  test('the origin is called by the name the rule gives', async () => {
    assert.equal(inspection(await rig.visit({ name: 'named', path: '/inspect' })).headers.host, 'inner.example');
  });

  test('a HEAD has the headers and no body', async () => {
    const answer = await rig.visit({ method: 'HEAD', path: '/bytes?count=1000&sized' });
    assert.deepEqual([answer.status, answer.headers['content-length'], answer.bytes], [200, '1000', 0]);
  });

  test('cookies stay apart', async () => {
    assert.deepEqual((await rig.visit({ path: '/cookies' })).headers['set-cookie'], ['a=1; Path=/', 'b=2; HttpOnly']);
  });

  for (const [kind, headers] of [
    ['of known length', { 'content-length': String(largeBytes) }],
    ['of unknown length', { 'transfer-encoding': 'chunked' }],
  ] as const) {
    test(`a large upload ${kind} arrives whole`, async () => {
      const body = () => patternBytes(largeBytes);
      const seen = inspection(await rig.visit({ path: '/inspect', method: 'POST', headers, body }));
      assert.equal(seen.bodyBytes, largeBytes);
      assert.equal(seen.bodyHash, patternHash(largeBytes));
    });
  }

  for (const sized of ['', '&sized']) {
    test(`a large download ${sized === '' ? 'of unknown' : 'of known'} length arrives whole`, async () => {
      const answer = await rig.visit({ path: `/bytes?count=${largeBytes}${sized}` });
      assert.equal(answer.bytes, largeBytes);
      assert.equal(answer.hash, patternHash(largeBytes));
    });
  }

  test('many requests at once do not mix', async () => {
    const counts = Array.from({ length: 60 }, (_, at) => 1000 + at * 997);
    const got = await Promise.all(counts.map((count) => rig.visit({ path: `/bytes?count=${count}` })));
    assert.deepEqual(
      got.map(({ hash }) => hash),
      counts.map(patternHash),
    );
  });

  test('a body the origin cuts short never looks complete', async () => {
    // Where nothing was sent yet when the origin died, the visitor gets an error page instead of a broken body.
    const outcome = await rig.visit({ path: '/broken' }).then(
      ({ status }) => `answered with ${status}`,
      () => 'broken off',
    );
    assert.match(outcome, /^(?:broken off|answered with 502)$/);
  });

  test('server-sent events arrive one by one', async () => {
    const response = await rig.open({ path: '/events', headers: { accept: 'text/event-stream' } });
    assert.equal(response.headers['content-type'], 'text/event-stream');
    const events = response.setEncoding('utf8')[Symbol.asyncIterator]();
    assert.equal((await events.next()).value, 'data: first\n\n');
    rig.first.release();
    assert.equal((await events.next()).value, 'data: second\n\n');
    assert.equal((await events.next()).done, true);
  });

  test('a visitor who leaves ends the request at the origin', async () => {
    const response = await rig.open({ path: '/events' });
    assert.equal(rig.first.held, 1);
    response.destroy();
    await until('the origin has noticed', () => rig.first.held === 0);
    assert.equal((await rig.visit()).status, 200);
  });

  test('a websocket carries text and large binary messages both ways', async () => {
    const socket = openSocket(rig, 'app', '/ws', 'interop');
    await once(socket, 'open');
    assert.equal(socket.protocol, 'interop');
    socket.send('hello');
    assert.equal(String((await once(socket, 'message'))[0]), 'hello');
    const large = Buffer.concat([...patternBytes(3 * 1024 * 1024)]);
    socket.send(large);
    assert.ok(large.equals((await once(socket, 'message'))[0] as Buffer));
    socket.close(1000, 'done');
    assert.equal((await once(socket, 'close'))[0], 1000);
  });

  test('a websocket the origin refuses is refused with the origin’s answer', async () => {
    const socket = openSocket(rig, 'app', '/not-a-socket');
    // The origin's websocket server knows only one path.
    const [error] = (await once(socket, 'error')) as [Error];
    assert.match(error.message, /400|404|200/);
  });

  for (const name of ['ssh', 'tcp']) {
    test(`a ${name} origin is reached through a websocket`, async () => {
      const socket = openSocket(rig, name, '/');
      const received = collect(socket);
      await once(socket, 'open');
      await until('it greeted', () => received().length >= greeting.length);
      socket.send(Buffer.from('echo this'));
      await until('it echoed', () => received().endsWith('echo this'));
      assert.equal(received(), `${greeting}echo this`);
      socket.close();
      await once(socket, 'close');
    });
  }
}

function changingRules(contract: ConnectorContract): void {
  let rig: Rig;
  let trial: ConnectorTrial;
  before(async () => {
    rig = await startRig();
    trial = await startTrial(contract, rig);
  });
  after(async () => {
    await trial.connector.stop(0);
    await rig.close();
  });

  /** The app's rule pointing at one of the origins. */
  function pointingAt(url: string): readonly IngressRule[] {
    return [{ hostname: `app.${zone}`, service: url }, { service: 'http_status:404' }];
  }

  test('new rules serve from the moment the update resolves', async () => {
    for (const origin of [rig.second, rig.first, rig.second]) {
      await trial.connector.updateIngress(pointingAt(origin.httpUrl));
      assert.equal((await rig.visit()).text, `hello from ${origin.name}`);
    }
  });

  test('a request in flight finishes on the rules it began with', async () => {
    await trial.connector.updateIngress(pointingAt(rig.first.httpUrl));
    const held = rig.visit({ path: '/held' });
    await until('the origin has it', () => rig.first.held > 0);
    await trial.connector.updateIngress(pointingAt(rig.second.httpUrl));
    assert.equal((await rig.visit()).text, 'hello from second');
    rig.first.release();
    assert.equal((await held).text, 'held by first');
  });

  test(`${contract.updates} updates under load lose no request and need no restart`, async () => {
    const identity = trial.identity();
    const load = startLoad(rig, 6);
    for (let at = 0; at < contract.updates; at++) {
      const served = load.served();
      await trial.connector.updateIngress(pointingAt((at % 2 === 0 ? rig.first : rig.second).httpUrl));
      // So that every change has requests on both sides of it.
      await load.reaches(served + 1);
    }
    assert.deepEqual(await load.stop(), []);
    assert.equal(trial.identity(), identity);
  });
}

function comingAndGoing(contract: ConnectorContract): void {
  test('a wrong secret is refused, with a permanent error', async () => {
    await withRig(async (rig) => {
      const access = await rig.access();
      const credentials = { ...access.credentials, tunnelSecret: Buffer.alloc(32, 7) };
      const { connector } = contract.create({ ...access, credentials }, rig);
      await assert.rejects(connector.start(never), (error) => {
        assert.ok(error instanceof EdgeError, String(error));
        assert.equal(error.code, 'E_EDGE_REFUSED');
        assert.equal(error.permanent, true);
        assert.equal(JSON.stringify(error).includes(Buffer.alloc(32, 7).toString('base64')), false);
        return true;
      });
      await until('the edge has none of it', () => rig.edge.registry.connections(rig.tunnelId).length === 0);
    });
  });

  test('stopping lets the request in flight finish and takes no new one', async () => {
    await withRig(async (rig) => {
      const { connector } = await startTrial(contract, rig);
      const held = rig.visit({ path: '/held' });
      await until('the origin has it', () => rig.first.held > 0);
      const stopped = connector.stop(20_000);
      await until('the edge sends nothing new', async () => (await rig.visit()).status === 530);
      rig.first.release();
      assert.deepEqual(pick(await held), { status: 200, text: 'held by first' });
      await stopped;
      await until('the edge knows it is gone', () => rig.edge.registry.connections(rig.tunnelId).length === 0);
      assert.ok(connector.connections().every(({ state }) => state === 'stopped'));
    });
  });

  test('a start that is called off leaves nothing behind', async () => {
    await withRig(async (rig) => {
      const access = await rig.access();
      // Nobody listens there.
      const { connector } = contract.create({ ...access, edge: '127.0.0.1:1' }, rig);
      const calledOff = new AbortController();
      const starting = assert.rejects(connector.start(calledOff.signal), /enough/);
      setImmediate(() => calledOff.abort(new Error('enough')));
      await starting;
    });
  });

  test('when one of two is killed, the other serves on', async () => {
    await withRig(async (rig) => {
      const staying = await startTrial(contract, rig);
      const victim = await contract.startVictim(await rig.access(), rig);
      try {
        const clients = () => new Set(rig.edge.registry.connections(rig.tunnelId).map((item) => item.clientId));
        await until('both are registered', () => clients().size === 2);
        await Promise.all(Array.from({ length: 20 }, () => rig.visit()));
        await victim.kill();
        await until('the edge has noticed', async () => (await rig.visit()).status === 200);
        const answers = await Promise.all(Array.from({ length: 50 }, () => rig.visit()));
        assert.deepEqual(
          answers.filter(({ status }) => status !== 200),
          [],
        );
      } finally {
        await victim.stop();
        await staying.connector.stop(0);
      }
    });
  });

  test('connections cut in the middle of traffic break answers off, never short, and come back', async () => {
    await withRig(async (rig) => {
      const { connector } = await startTrial(contract, rig);
      try {
        await until('both connections are up', () => rig.edge.registry.connections(rig.tunnelId).length === 2);
        await until('they are cut while they carry something', async () => {
          const answers = Array.from({ length: 12 }, (_, at) => download(rig, at % 2 === 0));
          const head = await rig.open({ path: `/bytes?count=${largeBytes}` });
          await once(head, 'readable');
          rig.relay.cut(2);
          head.destroy();
          const outcomes = await Promise.all(answers);
          assert.ok(!outcomes.includes('wrong'), outcomes.join(' '));
          await until('it serves again', async () => (await rig.visit()).status === 200);
          return outcomes.includes('broken off');
        });
        await until('both are back', () => rig.edge.registry.connections(rig.tunnelId).length === 2);
      } finally {
        await connector.stop(0);
      }
    });
  });

  test('after a restart of the edge it registers again by itself', async () => {
    await withRig(async (rig) => {
      const { connector } = await startTrial(contract, rig);
      try {
        await rig.restartEdge();
        await until('it serves again', async () => (await rig.visit()).status === 200);
        await until('it says so', () => connector.connections().some(({ state }) => state === 'connected'));
      } finally {
        await connector.stop(0);
      }
    });
  });
}

/** How a large download ended: whole, refused, broken off, or with a body that is not what was asked for. */
async function download(rig: Rig, isSized: boolean): Promise<'whole' | 'refused' | 'broken off' | 'wrong'> {
  try {
    const answer = await rig.visit({ path: `/bytes?count=${largeBytes}${isSized ? '&sized' : ''}` });
    if (answer.status >= 500) return 'refused';
    return answer.hash === patternHash(largeBytes) ? 'whole' : 'wrong';
  } catch {
    return 'broken off';
  }
}

async function withRig(use: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await startRig();
  try {
    await use(rig);
  } finally {
    rig.first.release();
    await rig.close();
  }
}

/** Requests being sent. */
export interface Load {
  /** How many were answered well, or badly. */
  served(): number;
  /** Resolves when that many were. */
  reaches(count: number): Promise<void>;
  /** Resolves to what went wrong. */
  stop(): Promise<readonly string[]>;
}

/** Sends requests one after the other on several lanes until stopped. */
export function startLoad(rig: Rig, lanes: number): Load {
  const failures: string[] = [];
  const progress = new EventEmitter();
  let served = 0;
  let isOver = false;

  async function sendOne(): Promise<void> {
    const { status, text } = await rig.visit();
    if (status !== 200 || !/^hello from (?:first|second)$/.test(text)) failures.push(`${status} ${text.slice(0, 80)}`);
  }

  const running = Array.from({ length: lanes }, async () => {
    while (!isOver) {
      await sendOne().catch((error: unknown) => failures.push(String(error)));
      served++;
      progress.emit('served');
    }
  });

  return {
    served: () => served,
    async reaches(count) {
      while (served < count) await once(progress, 'served');
    },
    async stop() {
      isOver = true;
      await Promise.all(running);
      return failures;
    },
  };
}

function inspection({ status, text }: { status: number; text: string }): Inspection {
  assert.equal(status, 200);
  return JSON.parse(text) as Inspection;
}

function pick({ status, text }: { status: number; text: string }): { status: number; text: string } {
  return { status, text };
}

function openSocket(rig: Rig, name: string, path: string, protocol?: string): WebSocket {
  const port = rig.edge.addresses.http?.port;
  return new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol === undefined ? [] : [protocol], {
    headers: { host: `${name}.${zone}` },
    perMessageDeflate: false,
  });
}

/** Everything received so far, as text. */
function collect(socket: WebSocket): () => string {
  let text = '';
  socket.on('message', (data) => {
    text += String(data);
  });
  return () => text;
}
