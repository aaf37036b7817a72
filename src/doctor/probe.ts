// Asks an origin as the connector would: is somebody there, what do they speak, what do they answer. I/O only.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { OriginTarget } from '../ingress/service-url.ts';
import type { OriginRequest } from '../model.ts';
import { createTrust } from '../origin/trust.ts';
import { type Answer, readAnswer } from './answer.ts';

/** What there was. */
export type Probe =
  | Answered
  /** Connected; `banner` is what the other side said first, as far as it is text. */
  | { readonly kind: 'open'; readonly banner: string }
  /** Nobody took the connection; `code` is the system's word for it. */
  | { readonly kind: 'closed'; readonly code: string }
  /** Connected, and nothing came in time. */
  | { readonly kind: 'silent' }
  /** Something listens that does not speak the protocol asked for; `speaks` is what it does speak, when known. */
  | { readonly kind: 'other-protocol'; readonly speaks: 'http' | 'https' | undefined };

/** An HTTP answer. */
export interface Answered extends Answer {
  readonly kind: 'answered';
  /** Why its certificate is not trusted, in Node's words; absent when it is, or without TLS. */
  readonly distrust?: string;
}

/** How to ask. */
export interface ProbeOptions {
  readonly target: OriginTarget;
  readonly originRequest: OriginRequest;
  /** The name visitors use. */
  readonly hostname: string;
  readonly path?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const maxBannerBytes = 256;
const bannerWaitMs = 500;

/** Asks once, and once more to find out what is spoken when it is not what was expected. Rejects only with the signal's reason. */
export async function probeOrigin(options: ProbeOptions): Promise<Probe | undefined> {
  const { target } = options;
  switch (target.kind) {
    case 'http':
    case 'https':
    case 'unix':
    case 'unix+tls':
      return probeHttp(options);
    case 'tcp':
      return probeTcp(target.hostname, target.port ?? 0, options);
    default:
      return undefined;
  }
}

async function probeHttp(options: ProbeOptions): Promise<Probe> {
  const { target, signal } = options;
  const isTls = target.kind === 'https' || target.kind === 'unix+tls';
  const first = await ask(options, isTls);
  signal.throwIfAborted();
  if (first.kind !== 'other-protocol') return first;
  const other = await ask(options, !isTls);
  signal.throwIfAborted();
  if (other.kind !== 'answered') return first;
  return { kind: 'other-protocol', speaks: isTls ? 'http' : 'https' };
}

function ask(options: ProbeOptions, isTls: boolean): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>();
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const request = (isTls ? httpsRequest : httpRequest)({
    ...addressOf(options),
    ...(isTls ? tlsOptions(options) : {}),
    path: options.path ?? '/',
    // As the edge sends it: what an app does with these decides whether it works behind a tunnel.
    headers: {
      host: hostHeader(options),
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.1',
      'cf-connecting-ip': '203.0.113.1',
      'user-agent': 'sallyport-doctor',
      accept: 'text/html,*/*',
    },
    agent: false,
    signal: AbortSignal.any([options.signal, timeout]),
  });
  let isConnected = false;
  request.on('socket', (socket) => socket.once('connect', () => (isConnected = true)));
  request.on('response', (response) => void collect(response).then(resolve));
  request.on('error', (error) => resolve(failure(error, isConnected, timeout.aborted)));
  request.end();
  return promise;
}

function addressOf({ target }: ProbeOptions): RequestOptions {
  if (target.kind === 'unix' || target.kind === 'unix+tls') return { socketPath: target.path };
  if (target.kind === 'http' || target.kind === 'https') return { host: target.hostname, port: target.port };
  return {};
}

function tlsOptions({ target, originRequest, hostname }: ProbeOptions): RequestOptions {
  const own = originRequest.originServerName;
  const name = originRequest.matchSNItoHost === true ? hostname : own;
  const fallback = target.kind === 'https' ? target.hostname : '';
  const servername = name === undefined || name === '' ? fallback : name;
  return {
    servername: /^[\d.]+$|:/.test(servername) ? '' : servername,
    secureContext: createTrust(originRequest.caPool),
    rejectUnauthorized: false,
  } as RequestOptions;
}

function hostHeader({ originRequest, hostname }: ProbeOptions): string {
  const { httpHostHeader } = originRequest;
  return httpHostHeader === undefined || httpHostHeader === '' ? hostname : httpHostHeader;
}

async function collect(response: IncomingMessage): Promise<Probe> {
  // Taken now: a destroyed socket has forgotten it.
  const distrust = distrustOf(response.socket);
  const answer = await readAnswer(response);
  return { kind: 'answered', ...answer, ...(distrust === undefined ? {} : { distrust }) };
}

function distrustOf(socket: Socket): string | undefined {
  const { encrypted, authorized, authorizationError } = socket as Partial<TLSSocket>;
  if (encrypted !== true || authorized === true) return undefined;
  const error: unknown = authorizationError;
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
}

/** Codes that mean "this is not the protocol": of OpenSSL when plain text answers, of Node's parser when TLS does. */
const wrongProtocol = /^(HPE_|EPROTO|ERR_SSL)/;

function failure(error: Error, isConnected: boolean, isLate: boolean): Probe {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  if (isLate) return isConnected ? { kind: 'silent' } : { kind: 'closed', code: 'ETIMEDOUT' };
  if (!isConnected) return { kind: 'closed', code };
  if (wrongProtocol.test(code) || code === 'ECONNRESET') return { kind: 'other-protocol', speaks: undefined };
  return { kind: 'closed', code };
}

function probeTcp(host: string, port: number, { timeoutMs, signal }: ProbeOptions): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>();
  const timeout = AbortSignal.timeout(timeoutMs);
  if (port < 1 || port > 65_535) return Promise.resolve({ kind: 'closed', code: 'EINVAL' });
  const socket = connect({ host, port, signal: AbortSignal.any([signal, timeout]) });
  let banner = '';
  const finish = () => {
    socket.destroy();
    resolve({ kind: 'open', banner: banner.slice(0, maxBannerBytes) });
  };
  socket.once('connect', () => socket.setTimeout(bannerWaitMs, finish));
  socket.on('data', (chunk: Buffer) => {
    banner += chunk.toString('latin1');
    if (banner.includes('\n') || banner.length >= maxBannerBytes) finish();
  });
  socket.once('end', finish);
  socket.once('error', (error) => {
    socket.destroy();
    const code = timeout.aborted ? 'ETIMEDOUT' : ((error as NodeJS.ErrnoException).code ?? error.name);
    resolve({ kind: 'closed', code });
  });
  return promise;
}
