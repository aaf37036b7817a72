// Asks for a hostname as a visitor does, through the edge. I/O only.
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { ListenAddress } from '../model.ts';

/** What a visitor got. */
export type Visit =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** In lower case; of repeated ones the first. */
      readonly headers: Readonly<Record<string, string>>;
      /** The first 8 kB. */
      readonly body: string;
    }
  /** There was no answer; `code` is Node's word for why. */
  | { readonly kind: 'failed'; readonly code: string };

/** Where the edge is. */
export interface EdgePlace {
  /** Dialled instead of what the name resolves to. */
  readonly at?: ListenAddress;
  /** The CA of its certificates; absent: the public ones. */
  readonly caPem?: string;
}

const maxBodyBytes = 8 * 1024;

/** One GET of `/` over HTTPS. Rejects only with the signal's reason. */
export async function visit(
  hostname: string,
  edge: EdgePlace,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Visit> {
  const { promise, resolve } = Promise.withResolvers<Visit>();
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const sent = request({
    ...addressOf(hostname, edge),
    path: '/',
    headers: { host: hostname, 'user-agent': 'sallyport-doctor', accept: 'text/html,*/*' },
    agent: false,
    signal: AbortSignal.any([options.signal, timeout]),
  });
  sent.on('response', (response) => void read(response).then(resolve));
  sent.on('error', (error) => {
    const code = (error as NodeJS.ErrnoException).code ?? error.name;
    resolve({ kind: 'failed', code: timeout.aborted ? 'ETIMEDOUT' : code });
  });
  sent.end();
  const found = await promise;
  options.signal.throwIfAborted();
  return found;
}

function addressOf(hostname: string, { at, caPem }: EdgePlace): RequestOptions {
  const trust = caPem === undefined ? {} : { ca: caPem };
  if (at === undefined) return { host: hostname, port: 443, ...trust };
  const host = at.host === '0.0.0.0' || at.host === '::' ? '127.0.0.1' : at.host;
  return { host, port: at.port, servername: hostname, ...trust };
}

async function read(response: IncomingMessage): Promise<Visit> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxBodyBytes) break;
    }
  } catch {
    // Head and what came of the body are enough to judge by.
  }
  response.destroy();
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat()[0] ?? '']);
  const body = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
  return { kind: 'answered', status: response.statusCode ?? 0, headers: Object.fromEntries(headers), body };
}
