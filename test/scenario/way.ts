// The way from programs to the API: one real HTTP server in front of the real API. Every running process has a line of its own on it, which
// can be spoilt, slowed down or cut, and every write on any line is one step that an observer gets to see.
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One request on its way. */
export interface Call {
  readonly method: string;
  /** Below `/client/v4`, without the query. */
  readonly path: string;
  readonly isWrite: boolean;
  /** Counted from 1 on its line: of all requests, and of the writes. */
  readonly number: number;
  readonly writeNumber: number;
}

/** What happens to a request instead of the usual. */
export type Fault =
  /** The API answers so, and does nothing. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** It goes on only when this resolves. */
  | { readonly after: Promise<void> }
  /** The connection breaks before the API sees the request. */
  | 'reset'
  /** The API does it, and the answer is lost. */
  | 'lose-answer'
  /** The process ends before the request leaves it, or after the API did it and before the answer came. */
  | 'kill-before'
  | 'kill-after';

/** What a line is opened with. */
export interface LineOptions {
  /** Whose it is, in messages. */
  readonly owner: string;
  /** Asked for every request. */
  fault(call: Call): Fault | undefined;
  /** Told of every request. */
  seen(call: Call): void;
  /** The process must end now. */
  killed(): void;
}

/** One process's way to the API. */
export interface Line {
  readonly baseUrl: string;
  /** From now on nothing that is sent on it arrives. */
  cut(): void;
}

/** The way, open as long as its test. */
export interface Way {
  open(options: LineOptions): Line;
}

/** Told before and after the API does a write; nothing else is written between. */
export interface WriteObserver {
  beforeWrite(): void;
  afterWrite(owner: string, call: Call): void;
}

interface OpenLine extends LineOptions {
  isCut: boolean;
  calls: number;
  writes: number;
}

/** Opens the way to the API at `port`. */
export async function createWay(t: TestContext, port: number, observer: WriteObserver): Promise<Way> {
  const lines: OpenLine[] = [];
  const agent = new Agent({ keepAlive: true });
  let writing: Promise<unknown> = Promise.resolve();

  /** Writes take turns, so that what one changed is known. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = writing.then(work, work);
    writing = done.catch(() => undefined);
    return done;
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { line, call, url } = identify(request, lines);
    if (line.isCut) {
      request.socket.destroy();
      return;
    }
    line.seen(call);
    const fault = line.fault(call);
    const body = await collect(request);
    if (typeof fault === 'object' && 'after' in fault) await fault.after;
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(JSON.stringify({ success: false, errors: [{ code: 1, message: 'injected' }], result: null }));
      return;
    }
    const answer = call.isWrite
      ? await inTurn(() => write(line, call, { ...url, body }, fault))
      : await ask(request, url, body);
    if (answer === undefined || line.isCut || fault === 'reset' || fault === 'lose-answer') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json', 'cf-ray': answer.ray });
    response.end(answer.body);

    async function write(
      on: OpenLine,
      what: Call,
      target: { readonly path: string; readonly body: Buffer },
      spoilt: Fault | undefined,
    ): Promise<Answer | undefined> {
      if (spoilt === 'kill-before') kill(on);
      if (on.isCut || spoilt === 'reset') return undefined;
      observer.beforeWrite();
      const done = await ask(request, target, target.body);
      observer.afterWrite(on.owner, what);
      if (spoilt === 'kill-after') kill(on);
      return done;
    }
  }

  function kill(line: OpenLine): void {
    line.isCut = true;
    line.killed();
  }

  function ask(request: IncomingMessage, { path }: { readonly path: string }, body: Buffer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = {
      authorization: request.headers.authorization ?? '',
      'content-type': 'application/json',
      'content-length': body.length,
    };
    const sent = send({ host: '127.0.0.1', port, path, method: request.method, headers, agent }, (answer) => {
      collect(answer).then((text) => {
        resolve({ status: answer.statusCode ?? 500, ray: String(answer.headers['cf-ray'] ?? ''), body: text });
      }, reject);
    });
    sent.on('error', reject);
    sent.end(body);
    return promise;
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    agent.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    open(options) {
      const line: OpenLine = { ...options, isCut: false, calls: 0, writes: 0 };
      lines.push(line);
      return {
        baseUrl: `${here}/${lines.length - 1}/client/v4`,
        cut: () => {
          line.isCut = true;
        },
      };
    },
  };
}

interface Answer {
  readonly status: number;
  readonly ray: string;
  readonly body: Buffer;
}

/** The line is the first segment of the path. */
function identify(
  request: IncomingMessage,
  lines: readonly OpenLine[],
): { readonly line: OpenLine; readonly call: Call; readonly url: { readonly path: string } } {
  const [, index = '', path = ''] = /^\/(\d+)(\/.*)$/.exec(request.url ?? '') ?? [];
  const line = lines[Number(index)];
  if (index === '' || line === undefined) throw new Error(`no line for ${request.url}`);
  const method = request.method ?? '';
  const isWrite = method !== 'GET';
  line.calls++;
  if (isWrite) line.writes++;
  const call = {
    method,
    path: path.replace('/client/v4', '').replace(/\?.*$/, ''),
    isWrite,
    number: line.calls,
    writeNumber: line.writes,
  };
  return { line, call, url: { path } };
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
