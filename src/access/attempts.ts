// Calls of one apply, each of which may fail for its services without stopping the others.
import { ApiError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic, ServiceId } from '../model.ts';

/** The calls of one apply and what became of them. */
export interface Attempts {
  readonly failed: ReadonlySet<ServiceId>;
  /** The outcome; undefined, and the services failed, when the API refused it. */
  attempt<T>(services: readonly ServiceId[], act: () => Promise<T>): Promise<T | undefined>;
  /** The same for what nobody's lock depends on: a refusal is the warning that is made of it. */
  attemptOptional(warn: (error: ApiError) => Diagnostic, act: () => Promise<unknown>): Promise<void>;
  /** Services whose objects cannot be written because others were not. */
  fail(services: readonly ServiceId[]): void;
}

/** Attempts that tell of problems in `problems`. */
export function createAttempts(problems: Diagnostic[], logger: Logger): Attempts {
  const failed = new Set<ServiceId>();
  /** Why the API takes nothing at the moment: the rest of this apply need not try. */
  let outage: ApiError | undefined;

  async function tried<T>(act: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: ApiError }> {
    try {
      if (outage !== undefined) throw outage;
      return { value: await act() };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { error };
    }
  }

  return {
    failed,
    async attempt(services, act) {
      const result = await tried(act);
      if ('value' in result) return result.value;
      const { error } = result;
      if (isOutage(error)) outage = error;
      logger.warn({ services, code: error.code, reason: error.message }, 'access change failed');
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      for (const serviceId of services) {
        failed.add(serviceId);
        problems.push({ severity: 'error', code: error.code, message: error.message, serviceId, ...hint });
      }
      return undefined;
    },
    async attemptOptional(warn, act) {
      const result = await tried(act);
      if ('value' in result) return;
      logger.info({ code: result.error.code, reason: result.error.message }, 'optional access change failed');
      problems.push(warn(result.error));
    },
    fail(services) {
      for (const serviceId of services) failed.add(serviceId);
    },
  };
}

/** The API understood and will not, whoever asks again with this token. */
export function isRefusal(error: ApiError): boolean {
  return !error.retryable && error.status !== undefined;
}

/** Not this change is wrong but the moment, or the token. */
export function isOutage(error: ApiError): boolean {
  return error.retryable || error.status === 401 || error.status === 403;
}

/** Deletes what may be gone already. */
export async function unlessGone(deleting: Promise<void>): Promise<void> {
  await unlessStatus(404, deleting);
}

/** Awaits a call for which this refusal is as good as success. */
export async function unlessStatus(status: number, calling: Promise<unknown>): Promise<void> {
  try {
    await calling;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== status) throw error;
  }
}

/** Calls that are on their way at once: quick enough for a hundred applications, and far from the API's limit. */
const parallel = 4;

/** Does all of it, a few at a time. */
export async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const item of queue) await act(item);
    }),
  );
}
