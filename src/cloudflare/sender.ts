// Sends one request of the SDK as often as it takes: waits its turn, tries again what may succeed, and says what a refusal means.
import { type Clock, systemClock } from '../clock.ts';
import type { ApiError } from '../errors.ts';
import { type Attempt, toFailure } from './api-error.ts';
import type { SendOptions } from './call.ts';
import { explainRefusal, type TokenVerdict } from './diagnose.ts';
import { cloudflareBudget, createGate, type Gate } from './gate.ts';
import { waitBeforeRetry } from './patience.ts';
import { loadSdk, type Sdk, type SdkOptions } from './sdk.ts';
import { judgeToken } from './token-verdict.ts';

/** What the SDK's methods return, as far as we use it: its own reading of answers takes a missing result for an empty list. */
export interface Sent {
  asResponse(): Promise<Response>;
}

/** One request to make. */
export interface Sending {
  readonly what: string;
  readonly permission: string;
  /** The zone it is about, as messages name it. */
  readonly zone?: string | undefined;
  send(sdk: Sdk, options: SendOptions): Sent;
}

/** Sends requests. */
export interface Sender {
  /** The answer's JSON, and what complaints about it name; rejects with an ApiError, or with the signal's reason. */
  send(sending: Sending, signal: AbortSignal): Promise<{ readonly answer: unknown; readonly attempt: Attempt }>;
}

/** How long one try may take, reading the answer included. */
const defaultTimeoutMs = 15_000;

/** How long an answer about the token counts. */
const judgedForMs = 30_000;

/** What belongs to one token: replaced with it. */
interface Session {
  readonly apiToken: string;
  readonly sdk: Promise<Sdk>;
  readonly gate: Gate;
  /** The account that requests named last: where the token may be verified if it is no user's. */
  account: string | undefined;
  /** What the API last said of the token, and when: one question answers for a whole row of refusals. */
  judged: { readonly verdict: TokenVerdict; readonly at: number } | undefined;
}

/** A sender; nothing is loaded or connected before the first request. */
export function createSender(options: SdkOptions): Sender {
  const clock: Clock = options.clock ?? systemClock;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const budget = options.budget ?? (options.baseUrl === undefined ? cloudflareBudget : undefined);
  const tokenName = options.tokenName ?? 'the API token';
  let session: Session | undefined;

  function current(): Session {
    const apiToken = typeof options.apiToken === 'string' ? options.apiToken : options.apiToken();
    if (session?.apiToken === apiToken) return session;
    const onRequest = (path: string) => {
      fresh.account = /\/accounts\/([^/]+)\//.exec(path)?.[1] ?? fresh.account;
    };
    const sdk = loadSdk({ apiToken, timeoutMs, baseUrl: options.baseUrl, logger: options.logger, onRequest });
    const fresh: Session = {
      apiToken,
      sdk,
      gate: createGate(clock, budget),
      account: session?.account,
      judged: undefined,
    };
    session = fresh;
    return fresh;
  }

  async function judge(at: Session, signal: AbortSignal): Promise<TokenVerdict> {
    const now = clock.now();
    if (at.judged !== undefined && now - at.judged.at < judgedForMs) return at.judged.verdict;
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const verdict = await judgeToken(await at.sdk, at.account, { now, signal: until });
    signal.throwIfAborted();
    at.judged = { verdict, at: now };
    return verdict;
  }

  /** Says which it is: the token, or one permission of it. A token that is not valid need not be tried for a while. */
  async function explain(error: ApiError, sending: Sending, at: Session, signal: AbortSignal): Promise<ApiError> {
    const verdict = await judge(at, signal);
    const { permission, zone } = sending;
    const explained = explainRefusal(error, { permission, zone, tokenName }, verdict);
    if (verdict.kind === 'invalid') at.gate.refuse(explained);
    return explained;
  }

  return {
    async send(sending, signal) {
      for (let tries = 1; ; tries++) {
        signal.throwIfAborted();
        const at = current();
        const attempt = { what: sending.what, permission: sending.permission, apiToken: at.apiToken, now: clock.now() };
        await at.gate.pass(sending.what, signal);
        try {
          const sdk = await at.sdk;
          return { answer: await once(sdk, sending, timeoutMs, signal), attempt };
        } catch (thrown) {
          signal.throwIfAborted();
          const { error, retryAfterMs } = toFailure(thrown, { ...attempt, now: clock.now() });
          if (error.code === 'E_API_UNAUTHORIZED') throw await explain(error, sending, at, signal);
          if (retryAfterMs !== undefined) at.gate.holdFor(retryAfterMs);
          const isRetryable = error.retryable && error.code !== 'E_API_ANSWER';
          const waitMs = waitBeforeRetry({ status: error.status, isRetryable, retryAfterMs }, tries);
          if (waitMs === undefined) throw error;
          await clock.sleep(waitMs, signal);
        }
      }
    },
  };
}

/** One try, given up when it takes too long or the signal aborts. */
async function once(sdk: Sdk, sending: Sending, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return unlessAborted(read(sending.send(sdk, { signal: either })), either);
}

async function read(sent: Sent): Promise<unknown> {
  const response = await sent.asResponse();
  return response.json();
}

/** The work's result, given up when the signal aborts, whether or not the work listens to it. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error('no answer in time'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
