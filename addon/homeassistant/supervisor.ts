// Asks the Supervisor: bounded answers, old and new paths, the token in a header and nowhere else. I/O only.
import { type IncomingMessage, request } from 'node:http';
import { SourceError } from '../../src/errors.ts';
import {
  type AddOn,
  type AddOnSummary,
  type Core,
  isRecord,
  type MqttService,
  readAddOn,
  readAddOns,
  readCore,
  readMqtt,
  readNetwork,
  readVersions,
  type SupervisorNetwork,
  type Versions,
} from './shapes.ts';

/** Where the Supervisor is, and what it knows us by. */
export interface SupervisorOptions {
  /** `http://supervisor`. */
  readonly url: string;
  /** Secret; a new one at every start of ours. */
  readonly token: string;
  readonly timeoutMs?: number;
}

/** The Supervisor's API, read only. Everything rejects with a SourceError, or with the signal's reason when it aborts. */
export interface Supervisor {
  /** Installed add-ons; undefined when our role does not allow the list. */
  addOns(signal: AbortSignal): Promise<readonly AddOnSummary[] | undefined>;
  /** One add-on, `self` for ourselves; undefined when there is none such. */
  addOn(slug: string, signal: AbortSignal): Promise<AddOn | undefined>;
  /** Which Supervisor, Home Assistant and operating system this is. */
  versions(signal: AbortSignal): Promise<Versions>;
  core(signal: AbortSignal): Promise<Core>;
  network(signal: AbortSignal): Promise<SupervisorNetwork>;
  /** The broker add-ons may use; undefined without one. */
  mqtt(signal: AbortSignal): Promise<MqttService | undefined>;
  /** A GET of Home Assistant's own API, through the Supervisor: `config`. */
  coreApi(path: string, signal: AbortSignal): Promise<unknown>;
}

const answerTimeoutMs = 10_000;
/** An add-on's answer holds its whole documentation. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** Where the lists are: since the first Supervisor, and since 2026.04 where its second interface is switched on. */
const addOnPaths = ['/addons', '/v2/apps', '/apps'] as const;
const corePaths = ['/core', '/v2/core', '/homeassistant'] as const;

/** A Supervisor nobody has talked to yet. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const addOnsAt = rememberPath(options, addOnPaths);
  const coreAt = rememberPath(options, corePaths);
  return {
    async addOns(signal) {
      const answer = await addOnsAt('', signal);
      if (answer.status === 403) return fromSupervisorInfo(options, signal);
      const found = readAddOns(dataOf(options, answer));
      if (found === undefined) throw notASupervisor(options.url);
      return found;
    },
    async addOn(slug, signal) {
      const answer = await addOnsAt(`/${encodeURIComponent(slug)}/info`, signal);
      // 400 is how the Supervisor says that an add-on is not installed.
      if (answer.status === 400 || answer.status === 404) return undefined;
      return readAddOn(dataOf(options, answer));
    },
    versions: async (signal) => readVersions(dataOf(options, await ask(options, '/info', signal))),
    async core(signal) {
      const found = readCore(dataOf(options, await coreAt('/info', signal)));
      if (found === undefined) throw notASupervisor(options.url);
      return found;
    },
    network: async (signal) => readNetwork(dataOf(options, await ask(options, '/network/info', signal))),
    async mqtt(signal) {
      const answer = await ask(options, '/services/mqtt', signal);
      return answer.status >= 400 && answer.status < 500 ? undefined : readMqtt(dataOf(options, answer));
    },
    async coreApi(path, signal) {
      const answer = await ask(options, `/core/api/${path}`, signal);
      if (answer.status === 200) return answer.body;
      throw refused(options.url, `/core/api/${path}`, answer);
    },
  };
}

/** Older Supervisors list the add-ons there, for everybody who may ask for it. */
async function fromSupervisorInfo(
  options: SupervisorOptions,
  signal: AbortSignal,
): Promise<readonly AddOnSummary[] | undefined> {
  const answer = await ask(options, '/supervisor/info', signal);
  return answer.status === 200 ? readAddOns(dataOf(options, answer)) : undefined;
}

/** Tries the old path first and a newer one where that is gone; what answered is asked from then on. */
function rememberPath(
  options: SupervisorOptions,
  paths: readonly [string, ...string[]],
): (rest: string, signal: AbortSignal) => Promise<Answer> {
  let known: string | undefined;
  return async (rest, signal) => {
    if (known !== undefined) return ask(options, known + rest, signal);
    let answer: Answer | undefined;
    for (const path of paths) {
      answer = await ask(options, path + rest, signal);
      // An API that does not know a path says so in plain text; one that does not know an add-on, in its own words.
      if (answer.status !== 404 || isRecord(answer.body)) {
        known = path;
        return answer;
      }
    }
    throw notASupervisor(options.url);
  };
}

interface Answer {
  readonly status: number;
  readonly path: string;
  /** Parsed; undefined when it is no JSON. */
  readonly body: unknown;
}

/** The `data` of a good answer. */
function dataOf({ url }: SupervisorOptions, answer: Answer): unknown {
  const { status, body } = answer;
  if (status !== 200) throw refused(url, answer.path, answer);
  if (!isRecord(body) || body.result !== 'ok') throw notASupervisor(url);
  return body.data;
}

async function ask(options: SupervisorOptions, path: string, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(options.timeoutMs ?? answerTimeoutMs);
  try {
    const answer = await send(options, path, AbortSignal.any([signal, timeout]));
    const bytes = await readBody(answer);
    return { status: answer.statusCode ?? 0, path, body: parseJson(bytes) };
  } catch (cause) {
    signal.throwIfAborted();
    throw unreachable(options.url, timeout.aborted ? 'ETIMEDOUT' : codeOf(cause), cause);
  }
}

function send({ url, token }: SupervisorOptions, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = request(`${url.replace(/\/$/, '')}${path}`, { headers, agent: false, signal });
  sent.once('response', resolve);
  sent.on('error', reject);
  sent.end();
  return promise;
}

async function readBody(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error(`the answer is longer than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function refused(url: string, path: string, { status, body }: Answer): SourceError {
  const said = isRecord(body) && typeof body.message === 'string' ? body.message.slice(0, 200) : '';
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: `the Supervisor answered ${status} to GET ${path}${said === '' ? '' : `: ${said}`}`,
    where: url,
    hint: hintFor(status),
    retryable: true,
  });
}

function hintFor(status: number): string {
  switch (status) {
    case 401:
      return 'restart this add-on: it is given a new token at every start';
    case 403:
      return 'this add-on needs hassio_api and the role manager in its manifest';
    default:
      return 'it is most likely still starting; else look into the Supervisor’s log';
  }
}

function notASupervisor(url: string): SourceError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: 'what answers there is no Supervisor we know',
    where: url,
    hint: 'update this add-on, or Home Assistant',
    retryable: true,
  });
}

function unreachable(url: string, code: string, cause: unknown): SourceError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message:
      code === 'ETIMEDOUT' ? 'the Supervisor does not answer in time' : `the Supervisor does not answer (${code})`,
    where: url,
    hint: 'it is most likely restarting; this is tried again by itself',
    retryable: true,
    cause,
  });
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : typeof error;
}
