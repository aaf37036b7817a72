// The load, in a process of its own: so many keep-alive connections, each sending one request after the other for a bounded time.
import { connect, type Socket } from 'node:net';
import { answerParent } from './child.ts';
import { percentile } from './figures.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { ResponseReader, type SeenAnswer } from './response-reader.ts';

const answerTimeoutMs = 15_000;

answerParent<LoadOrder, LoadResult>(runLoad);

async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const request = encodeRequest(order);
  const tally = { latencies: [] as number[], failures: new Map<string, number>(), bytes: 0 };
  const begun = performance.now();
  const end = begun + order.durationMs;
  const lanes = Array.from({ length: order.connections }, () => runLane(order, request, end, tally));
  await Promise.all(lanes);
  return {
    requests: tally.latencies.length,
    failures: Object.fromEntries(tally.failures),
    bytes: tally.bytes,
    seconds: (performance.now() - begun) / 1000,
    p50: percentile(tally.latencies, 0.5),
    p99: percentile(tally.latencies, 0.99),
  };
}

type Tally = { readonly latencies: number[]; readonly failures: Map<string, number>; bytes: number };

/** One visitor: a connection, a request at a time, a new connection after a failure. */
async function runLane(order: LoadOrder, request: readonly Buffer[], end: number, tally: Tally): Promise<void> {
  let lane: Lane | undefined;
  while (performance.now() < end && tally.failures.size < 20) {
    lane ??= openLane(order.port);
    const sent = performance.now();
    try {
      const answer = await lane.send(request);
      if (answer.status !== 200) count(tally, `status ${answer.status}`);
      tally.bytes += answer.bodyBytes + (order.uploadBytes ?? 0);
      tally.latencies.push(performance.now() - sent);
      if (answer.isLast) lane = closed(lane);
    } catch (error) {
      count(tally, error instanceof Error ? error.message : String(error));
      lane = closed(lane);
    }
  }
  closed(lane);
}

function count(tally: Tally, failure: string): void {
  tally.failures.set(failure, (tally.failures.get(failure) ?? 0) + 1);
}

function closed(lane: Lane | undefined): undefined {
  lane?.socket.destroy();
  return undefined;
}

interface Lane {
  readonly socket: Socket;
  send(request: readonly Buffer[]): Promise<SeenAnswer>;
}

function openLane(port: number): Lane {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const reader = new ResponseReader();
  let waiting: PromiseWithResolvers<SeenAnswer> | undefined;
  const fail = (reason: string) => waiting?.reject(new Error(reason));
  socket.setTimeout(answerTimeoutMs, () => fail('no answer in time'));
  socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  socket.on('close', () => fail('closed before the answer was complete'));
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const answer of reader.push(chunk)) waiting?.resolve(answer);
    } catch (error) {
      waiting?.reject(error);
    }
  });
  return {
    socket,
    send(request) {
      waiting = Promise.withResolvers();
      for (const part of request) socket.write(part);
      return waiting.promise;
    },
  };
}

function encodeRequest({ host, path, uploadBytes }: LoadOrder): Buffer[] {
  const start = `${uploadBytes === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  if (uploadBytes === undefined) return [Buffer.from(`${start}\r\n`)];
  return [Buffer.from(`${start}content-length: ${uploadBytes}\r\n\r\n`), Buffer.alloc(uploadBytes, 'u')];
}
