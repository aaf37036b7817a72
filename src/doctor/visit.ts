// Asks for a hostname as a visitor does, through the edge. I/O only.
import { type RequestOptions, request } from 'node:https';
import type { ListenAddress } from '../model.ts';
import { type Answer, readAnswer } from './answer.ts';

/** What a visitor got. */
export type Visit =
  | ({ readonly kind: 'answered' } & Answer)
  /** There was no answer; `code` is Node's word for why. */
  | { readonly kind: 'failed'; readonly code: string };

/** Where the edge is. */
export interface EdgePlace {
  /** Dialled instead of what the name resolves to. */
  readonly at?: ListenAddress;
  /** The CA of its certificates; absent: the public ones. */
  readonly caPem?: string;
}

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
  sent.on(
    'response',
    (response) => void readAnswer(response).then((answer) => resolve({ kind: 'answered', ...answer })),
  );
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
