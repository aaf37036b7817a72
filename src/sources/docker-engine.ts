// Talks to one Docker engine through dockerode's transport: bounded JSON answers and the open event stream. I/O only.
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Agent, IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { AppError, SourceError, ValidationError } from '../errors.ts';
import { type Endpoint, parseEndpoint, remoteHostOf, type TlsFiles } from './docker-endpoint.ts';
import { createSshAgent, SshError } from './docker-ssh.ts';

/** One engine's API, read only. */
export interface DockerEngine {
  /** The machine a tcp endpoint names; undefined for a socket or a loopback address. */
  readonly remoteHost: string | undefined;
  /** The JSON answer of a GET; rejects with a SourceError, or with the signal's reason when it aborts. */
  get(path: string, signal: AbortSignal, query?: Query): Promise<unknown>;
  /** The body of a GET that stays open; ends or fails when the engine goes away. */
  open(path: string, signal: AbortSignal, query?: Query): Promise<AsyncIterable<Uint8Array>>;
}

/** Query parameters by name. */
export type Query = Readonly<Record<string, string>>;

/** A list of some ten thousand containers; more is not an engine's answer. */
const maxAnswerBytes = 64 * 1024 * 1024;
const answerTimeoutMs = 10_000;

/** What of an engine is not the default. */
export interface EngineOptions {
  /** Reads these when the engine is made; TCP only. */
  readonly tls?: TlsFiles;
  readonly timeoutMs?: number;
}

/** An engine nobody has talked to yet; throws ValidationError for an endpoint nobody can dial, or TLS files that cannot be read. */
export function createDockerEngine(endpoint: string, options: EngineOptions = {}): DockerEngine {
  const { timeoutMs = answerTimeoutMs } = options;
  const at = parseEndpoint(endpoint, options.tls !== undefined);
  const agent = createAgent(at, options.tls ?? {});
  let modem: Promise<Modem> | undefined;

  async function request(path: string, signal: AbortSignal, query: Query = {}): Promise<IncomingMessage> {
    signal.throwIfAborted();
    modem ??= createModem(at, agent);
    const answer = await dial(await modem, path, query, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw unreachable(endpoint, error);
    });
    if (answer.statusCode === 200) return answer;
    const body = await readBody(answer, 64 * 1024).catch(() => Buffer.alloc(0));
    throw refused(endpoint, path, answer.statusCode ?? 0, body);
  }

  return {
    remoteHost: remoteHostOf(at),
    async get(path, signal, query) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await request(path, AbortSignal.any([signal, timeout]), query);
        return parseAnswer(endpoint, await readBody(answer, maxAnswerBytes));
      } catch (error) {
        signal.throwIfAborted();
        if (timeout.aborted) throw unreachable(endpoint, timeout.reason);
        throw error instanceof AppError ? error : unreachable(endpoint, error);
      }
    },
    open: request,
  };
}

/** False for a socket that does not exist at all, which is how a machine without Docker looks. */
export async function isEndpointPresent(endpoint: string): Promise<boolean> {
  const at = parseEndpoint(endpoint);
  if (at.kind !== 'unix') return true;
  try {
    await stat(at.socketPath);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR';
  }
}

/** A kept connection would fail the first request after the engine restarts; only ssh's are worth keeping. */
function createAgent(at: Endpoint, files: TlsFiles): Agent {
  if (at.kind === 'ssh') return createSshAgent(at);
  if (at.kind === 'unix' || !at.isTls) return new Agent({ keepAlive: false });
  const read = (key: keyof TlsFiles) => (files[key] === undefined ? {} : { [key]: readPem(files[key], key) });
  return new TlsAgent({ keepAlive: false, ...read('ca'), ...read('cert'), ...read('key') });
}

function readPem(file: string, key: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ValidationError({
      code: 'E_SETTINGS_UNREADABLE',
      message: `the engine's TLS ${key} cannot be read (${codeOf(cause) ?? 'unknown'})`,
      where: file,
      hint: 'check docker.endpoints and the permissions of that file',
      cause,
    });
  }
}

/** The part of dockerode's transport that we use. */
interface Modem {
  dial(
    options: {
      path: string;
      options: { _query: Query };
      method: string;
      isStream: boolean;
      statusCodes: Record<number, boolean>;
      abortSignal: AbortSignal;
    },
    callback: (error: Error | null, result: unknown) => void,
  ): void;
}

/** Loaded on first use: a machine without Docker never pays for it. */
async function createModem(at: Endpoint, agent: Agent): Promise<Modem> {
  // dockerode itself also loads what building images needs, and 14 MB with it: its transport is all that looking takes.
  const { default: DockerModem } = await import('docker-modem');
  // Every field is given, or DOCKER_HOST from the environment would replace it.
  const socketPath = at.kind === 'unix' ? at.socketPath : undefined;
  const host = at.kind === 'unix' ? undefined : at.host;
  const port = at.kind === 'tcp' ? at.port : undefined;
  const protocol = at.kind === 'tcp' && at.isTls ? ('https' as const) : ('http' as const);
  const options = { socketPath, host, port, protocol, agent };
  return new DockerModem(options);
}

/** All statuses come back as answers, so that their bodies are read by us, within bounds. */
const everyStatus = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [100 + index, true]));

/**
 * The transport's stream mode, not its typed calls: those collect an answer of any length, and wait for ever when the engine dies
 * in the middle of one.
 */
function dial(modem: Modem, path: string, query: Query, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      // Without the question mark the transport leaves the query out; a query in the path it would cut short.
      path: `${path}?`,
      options: { _query: query },
      method: 'GET',
      isStream: true,
      statusCodes: everyStatus,
      abortSignal: signal,
    };
    modem.dial(options, (error, result) => {
      if (error !== null) reject(error);
      else if (result instanceof IncomingMessage) resolve(result);
      else reject(new TypeError('the transport gave no answer'));
    });
  });
}

async function readBody(answer: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      answer.destroy();
      throw new Error(`the answer is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseAnswer(endpoint: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw notAnEngine(endpoint, error);
  }
}

/** The error for an endpoint that answers something else than Docker does. */
export function notAnEngine(endpoint: string, cause?: unknown): SourceError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: 'what answers there is no Docker engine',
    where: endpoint,
    hint: 'check the endpoint in docker.endpoints',
    retryable: true,
    cause,
  });
}

function refused(endpoint: string, path: string, status: number, body: Buffer): SourceError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: `the engine answered ${status} to GET ${path}`,
    where: endpoint,
    hint:
      status === 403
        ? 'a socket proxy in between must allow CONTAINERS, EVENTS, NETWORKS and INFO'
        : 'look into the engine’s log',
    retryable: true,
    cause: new Error(body.toString('utf8', 0, 500)),
  });
}

function unreachable(endpoint: string, cause: unknown): SourceError {
  const code = codeOf(cause);
  const [message, hint] = explain(code, cause);
  return new SourceError({ code: 'E_SOURCE_UNREACHABLE', message, where: endpoint, hint, retryable: true, cause });
}

function explain(code: string | undefined, cause: unknown): [message: string, hint: string] {
  switch (code) {
    case 'ENOENT':
      return ['there is no Docker socket', 'start Docker, or mount its socket into this container'];
    case 'EACCES':
    case 'EPERM':
      return [
        'this user may not use the Docker socket',
        'add the user to the docker group (in a container: group_add with the socket’s group id)',
      ];
    case 'ECONNREFUSED':
      return ['nothing listens on the Docker endpoint', 'start Docker'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['the Docker endpoint’s name does not resolve', 'check the name in docker.endpoints'];
    case 'ESSH':
      return [
        `ssh does not get to the Docker engine: ${cause instanceof SshError ? cause.message : ''}`,
        'check that `ssh HOST docker version` works for the user this program runs as, without a password',
      ];
    default:
      if (nameOf(cause) === 'TimeoutError')
        return ['the Docker engine does not answer in time', 'check that Docker is not stuck'];
      return [`the Docker engine does not answer (${code ?? nameOf(cause)})`, 'check that Docker runs'];
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
