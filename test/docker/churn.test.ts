// Two thousand containers, two hundred of them starting and stopping: one list per pass, bursts of events folded, memory flat, everything right at the end.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { type Program, startProgram, until } from '../program/program.ts';

const published = 400;
const churning = 200;
const all = 2_000;

describe('two thousand containers', () => {
  let origin: Server;
  let port: number;
  let engine: FakeDockerEngine;
  let program: Program;
  before(async () => {
    // Behind every container's address: what is asked for under a name says which it was.
    origin = createServer((request, response) => response.end(request.socket.localAddress));
    await new Promise<void>((resolve) => origin.listen(0, '0.0.0.0', resolve));
    port = (origin.address() as AddressInfo).port;
    engine = await startFakeDockerEngine();
    for (let number = 0; number < all / 10; number++) put(number);
    program = await startProgram({ docker: { endpoints: [engine.endpoint] } });
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
    origin?.closeAllConnections();
    origin?.close();
  });

  const nameOf = (number: number) => `app-${number}`;

  /** The container of that number, at an address of its round. */
  function put(number: number, state = 'running', round = 0): void {
    engine.put({
      name: nameOf(number),
      image: `example/app-${number}:1`,
      labels: number < published ? { 'sallyport.enable': 'true' } : { maintainer: 'nobody' },
      networks: { bridge: addressOf(number, round) },
      ports: [{ port }],
      state,
    });
  }

  const addressOf = (number: number, round: number) => `127.${20 + round}.${number >> 8}.${number & 255 || 1}`;
  const lists = () => engine.calls.filter((call) => call.startsWith('/containers/json')).length;
  const stateOf = (name: string) => program.status().services.find((service) => service.name === name)?.state;

  /** The middle of several passes, in no unit that matters. */
  async function passTime(): Promise<number> {
    const times: number[] = [];
    for (let pass = 0; pass < 5; pass++) {
      const began = performance.now();
      await program.pass();
      times.push(performance.now() - began);
    }
    return times.toSorted((a, b) => a - b)[2] ?? 0;
  }

  /** Every one of the two hundred stops, or starts again elsewhere, in one burst of events. */
  async function turn(state: 'running' | 'exited', round: number): Promise<void> {
    for (let number = 0; number < churning; number++) {
      put(number, state, round);
      for (const action of state === 'running' ? ['create', 'start'] : ['stop', 'die'])
        engine.emit('container', action, nameOf(number));
    }
    const wanted = state === 'running' ? 'running' : 'stopped';
    const last = nameOf(churning - 1);
    await until(
      async () => [stateOf(nameOf(0)), stateOf(last)],
      (states) => states.every((one) => one === wanted),
      60_000,
    );
  }

  test('ten times as many take ten times as long at most, with room for noise', async () => {
    await program.until(`${nameOf(0)}.localhost`, ({ status }) => status === 200);
    const few = await passTime();
    for (let number = all / 10; number < all; number++) put(number);
    await program.pass();
    await program.until(`${nameOf(published - 1)}.localhost`, ({ status }) => status === 200);
    const many = await passTime();
    assert.ok(many < few * 25, `${many.toFixed()} for ${all}, ${few.toFixed()} for ${all / 10}`);
  });

  test('a pass that finds nothing new asks the engine once, whatever the number', async () => {
    const before = engine.calls.length;
    for (let pass = 0; pass < 3; pass++) await program.pass();
    const asked = engine.calls.slice(before);
    assert.deepEqual(
      asked.filter((call) => !call.startsWith('/containers/json')),
      [],
    );
    assert.equal(asked.length, 3);
  });

  test('two hundred that stop and start again and again cost few lists, and no memory that stays', async () => {
    await turn('exited', 1);
    await turn('running', 2);
    const heap = settledHeap();
    const before = { lists: lists(), revision: program.status().revision };
    const rounds = 4;
    for (let round = 0; round < rounds; round++) {
      await turn('exited', round);
      await turn('running', round + 3);
    }
    await program.pass();
    const events = rounds * 2 * 2 * churning;
    const passes = program.status().revision - before.revision;
    const listed = lists() - before.lists;
    assert.ok(listed <= events / 20, `${listed} lists for ${events} events`);
    assert.ok(listed <= passes * 2, `${listed} lists for ${passes} passes`);
    const grown = settledHeap();
    assert.ok(grown < heap * 1.1 + 8 * 1024 * 1024, `${megabytes(heap)} before, ${megabytes(grown)} after`);
  });

  test('and afterwards every name leads where its container is now', async () => {
    for (const number of [0, 1, churning - 1]) {
      const { body } = await program.until(`${nameOf(number)}.localhost`, ({ status }) => status === 200);
      assert.equal(body, addressOf(number, 6));
    }
    const { body } = await program.get(`${nameOf(published - 1)}.localhost`);
    assert.equal(body, addressOf(published - 1, 0));
    assert.equal(program.status().services.filter(({ published }) => published).length, published + 1);
  });
});

/** What the heap holds once everything is collected that can be. */
function settledHeap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let time = 0; time < 3; time++) collect();
  return process.memoryUsage().heapUsed;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
