// All sources together: listed in parallel, and what stopped or vanished kept by name, never by address, for a grace period.
import { backoffMs, type Clock } from '../clock.ts';
import type { Source, SourceResult } from '../contracts.ts';
import { AppError, SourceError } from '../errors.ts';
import type { Diagnostic, Service, ServiceId } from '../model.ts';
import { aborted } from './aborted.ts';

/** What the list is made of. */
export interface ServiceListOptions {
  readonly sources: readonly Source[];
  /** How long a stopped or vanished service keeps its name. */
  readonly graceMs: number;
  /** How long the last good list of a source is believed after it stopped answering. */
  readonly sourceTrustMs?: number;
  /** How long one source may keep the others waiting; absent: until it answers or fails by itself. */
  readonly patienceMs?: number | undefined;
  readonly clock: Clock;
}

/** Everything all sources see. */
export interface Listed {
  readonly services: readonly Service[];
  readonly diagnostics: readonly Diagnostic[];
  /** Every source answered and the program is up for one grace period: only then may anything be deleted. */
  readonly complete: boolean;
}

/** The list of services over time. */
export interface ServiceList {
  /** Rejects only when the signal aborts; a source that fails is a diagnostic. */
  list(signal: AbortSignal): Promise<Listed>;
  /** Calls `notify` when any source may have changed, and when a period of this list ends; resolves when `signal` aborts. */
  watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void>;
}

/** A list with its memory; the start-up grace begins now. */
export function createServiceList(options: ServiceListOptions): ServiceList {
  return new RememberingList(options);
}

const defaultTrustMs = 120_000;
const firstRetryMs = 1_000;
const maxRetryMs = 30_000;
/** Build machines create thousands of short-lived containers; of the gone only so many are remembered. */
const maxGone = 5_000;

/** What is known of one source. */
interface SourceMemory {
  readonly source: Source;
  last?: SourceResult;
  failing: boolean;
  /** Since when: until then its events told of every change. */
  failingSince: number;
  /** How often in a row it failed, and when it is asked again: what happened meanwhile may never be told by an event. */
  failures: number;
  retryAt: number;
  /** Is still being asked, by a list that did not wait. */
  isPending: boolean;
  /** Answered late the last time: it is slow, not dead, so it is waited for. */
  isSlow: boolean;
  /** A bug that nobody waited for any more. */
  bug?: { readonly error: unknown };
}

const unasked = { failing: false, failingSince: 0, failures: 0, retryAt: 0, isPending: false, isSlow: false } as const;

/** A service that runs no more: its name without its address, and since when. */
interface Gone {
  readonly service: Service;
  readonly since: number;
  /** Listed as stopped by its source; such a one is remembered for as long as it is. */
  readonly listed: boolean;
}

class RememberingList implements ServiceList {
  readonly #options: ServiceListOptions;
  readonly #trustMs: number;
  readonly #startedAt: number;
  readonly #sources: readonly SourceMemory[];
  readonly #alive = new Map<ServiceId, Service>();
  readonly #gone = new Map<ServiceId, Gone>();
  #listedAt: number;
  #changed = Promise.withResolvers<void>();
  #notify: (reason: string) => void = () => undefined;

  constructor(options: ServiceListOptions) {
    this.#options = options;
    this.#trustMs = options.sourceTrustMs ?? defaultTrustMs;
    this.#startedAt = options.clock.now();
    this.#listedAt = this.#startedAt;
    this.#sources = options.sources.map((source) => ({ source, ...unasked }));
  }

  async list(signal: AbortSignal): Promise<Listed> {
    const diagnostics: Diagnostic[] = [];
    const answers = await Promise.all(this.#sources.map((memory) => this.#ask(memory, signal)));
    signal.throwIfAborted();
    const now = this.#options.clock.now();
    this.#listedAt = now;
    const seen = new Map<ServiceId, Service>();
    for (const [index, memory] of this.#sources.entries()) {
      const error = answers[index];
      if (error !== undefined) diagnostics.push(this.#failure(memory, error, now));
      for (const service of this.#believed(memory, now)) addOnce(seen, service, diagnostics);
      if (this.#isTrusted(memory, now)) diagnostics.push(...(memory.last?.diagnostics ?? []));
    }
    this.#remember(seen, now);
    const services = [...this.#alive.values(), ...this.#inGrace(now)].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    this.#wakePeriods();
    const complete = answers.every((error) => error === undefined) && now - this.#startedAt >= this.#options.graceMs;
    return { services, diagnostics, complete };
  }

  async watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void> {
    this.#notify = notify;
    const watches = this.#options.sources.map((source) => source.watch(notify, signal));
    await Promise.all([...watches, this.#watchPeriods(notify, signal)]);
  }

  /**
   * Lists one source, and after a while goes on without it. One that is still being asked is not asked again and counts as
   * not answering: what it was asked before something happened is no answer to what happened.
   */
  async #ask(memory: SourceMemory, signal: AbortSignal): Promise<AppError | undefined> {
    const { patienceMs, clock } = this.#options;
    if (memory.bug !== undefined) throw memory.bug.error;
    if (memory.isPending) return noAnswer();
    const answer = this.#askForLong(memory, signal);
    if (patienceMs === undefined) return answer;
    if (memory.isSlow) return this.#waitFor(memory, answer, patienceMs);
    const enough = new AbortController();
    const tooLong = clock.sleep(patienceMs, AbortSignal.any([signal, enough.signal])).then(
      () => 'too long' as const,
      () => answer,
    );
    const outcome = await Promise.race([answer, tooLong]).finally(() => enough.abort());
    if (outcome !== 'too long') return outcome;
    this.#markFailing(memory);
    memory.isPending = true;
    void this.#awaitLate(memory, answer, signal);
    return noAnswer();
  }

  /** Waits however long it takes; whoever is quick again is not waited for so long the next time. */
  async #waitFor(
    memory: SourceMemory,
    answer: Promise<AppError | undefined>,
    patienceMs: number,
  ): Promise<AppError | undefined> {
    const since = this.#options.clock.now();
    const error = await answer;
    if (this.#options.clock.now() - since < patienceMs) memory.isSlow = false;
    return error;
  }

  /** An answer nobody waited for asks for a look; a failure only for another try, because the source counts as failed already. */
  async #awaitLate(memory: SourceMemory, answer: Promise<AppError | undefined>, signal: AbortSignal): Promise<void> {
    try {
      if ((await answer) === undefined) memory.isSlow = true;
      else return this.#wakePeriods();
    } catch (error) {
      if (signal.aborted) return;
      memory.bug = { error };
    } finally {
      memory.isPending = false;
    }
    this.#notify(`${memory.source.name}: answered late`);
  }

  /** An expected failure is returned, anything else is a bug and ends the pass. */
  async #askForLong(memory: SourceMemory, signal: AbortSignal): Promise<AppError | undefined> {
    try {
      memory.last = await memory.source.list(signal);
      memory.failing = false;
      memory.failures = 0;
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#markFailing(memory);
      memory.isSlow = false;
      memory.retryAt = this.#options.clock.now() + backoffMs(memory.failures++, firstRetryMs, maxRetryMs);
      return error;
    }
  }

  #markFailing(memory: SourceMemory): void {
    if (!memory.failing) memory.failingSince = this.#options.clock.now();
    memory.failing = true;
  }

  #isTrusted(memory: SourceMemory, now: number): boolean {
    return memory.last !== undefined && (!memory.failing || now - memory.failingSince < this.#trustMs);
  }

  /** The services of a source as far as its last answer can be believed; later they all count as stopped. */
  #believed(memory: SourceMemory, now: number): readonly Service[] {
    const services = memory.last?.services ?? [];
    return this.#isTrusted(memory, now) ? services : services.map(withoutAddress);
  }

  #failure(memory: SourceMemory, error: AppError, now: number): Diagnostic {
    const kept =
      memory.last === undefined
        ? ''
        : this.#isTrusted(memory, now)
          ? '; its last list is used'
          : '; its services count as stopped';
    const where = error.where === undefined ? '' : ` (${error.where})`;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return {
      severity: 'error',
      code: error.code,
      message: `${memory.source.name}: ${error.message}${where}${kept}`,
      ...hint,
    };
  }

  /** Moves services between the living and the gone. An address is never carried over: Docker hands it to the next container. */
  #remember(seen: ReadonlyMap<ServiceId, Service>, now: number): void {
    for (const [id, service] of this.#alive) {
      if (!seen.has(id)) this.#gone.set(id, { service: withoutAddress(service), since: now, listed: false });
    }
    for (const [id, gone] of this.#gone) if (!seen.has(id)) this.#gone.set(id, { ...gone, listed: false });
    this.#alive.clear();
    for (const [id, service] of seen) {
      if (service.state !== 'stopped') {
        this.#alive.set(id, service);
        this.#gone.delete(id);
        continue;
      }
      const since = this.#gone.get(id)?.since ?? now;
      this.#gone.set(id, { service: withoutAddress(service), since, listed: true });
    }
    this.#forget(now);
  }

  #forget(now: number): void {
    for (const [id, gone] of this.#gone) if (!gone.listed && this.#isOver(gone, now)) this.#gone.delete(id);
    const unlisted = [...this.#gone].filter(([, gone]) => !gone.listed);
    for (const [id] of unlisted.toSorted(([, a], [, b]) => b.since - a.since).slice(maxGone)) this.#gone.delete(id);
  }

  #isOver(gone: Gone, now: number): boolean {
    return now - gone.since >= this.#options.graceMs;
  }

  #inGrace(now: number): readonly Service[] {
    return [...this.#gone.values()].filter((gone) => !this.#isOver(gone, now)).map((gone) => gone.service);
  }

  /** Asks for a look at the end of every period that no list has seen yet: nothing else would happen then. */
  async #watchPeriods(notify: (reason: string) => void, signal: AbortSignal): Promise<void> {
    let toldAt = this.#startedAt;
    while (!signal.aborted) {
      const now = this.#options.clock.now();
      const periods = this.#periods();
      const known = Math.max(toldAt, this.#listedAt);
      for (const { endsAt, reason } of periods) if (endsAt > known && endsAt <= now) notify(reason);
      toldAt = now;
      const next = Math.min(...periods.map(({ endsAt }) => endsAt).filter((endsAt) => endsAt > now));
      await this.#sleepUntil(next, now, signal);
    }
  }

  #periods(): readonly { readonly endsAt: number; readonly reason: string }[] {
    const { graceMs } = this.#options;
    const start = { endsAt: this.#startedAt + graceMs, reason: 'start-up grace over' };
    const graces = [...this.#gone].map(([id, { since }]) => ({ endsAt: since + graceMs, reason: `grace over: ${id}` }));
    const trusts = this.#sources.flatMap(({ source, failing, failingSince, last }) => {
      if (!failing || last === undefined) return [];
      return [{ endsAt: failingSince + this.#trustMs, reason: `${source.name}: its last list is too old` }];
    });
    // One that is still being asked has its end for that.
    const failed = this.#sources.filter(({ failing, isPending }) => failing && !isPending);
    const retries = failed.map(({ source, retryAt }) => ({ endsAt: retryAt, reason: `${source.name}: asked again` }));
    return [start, ...graces, ...trusts, ...retries];
  }

  #wakePeriods(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Until then, the next list, or the abort, whichever comes first. */
  async #sleepUntil(at: number, now: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const stop = () => enough.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const changed = this.#changed.promise;
    const timer = Number.isFinite(at) ? this.#options.clock.sleep(at - now, enough.signal) : aborted(enough.signal);
    await Promise.race([changed, timer.catch((error: unknown) => ignoreAbort(error, enough.signal))]);
    stop();
    signal.removeEventListener('abort', stop);
  }
}

function noAnswer(): AppError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: 'has not answered yet',
    hint: 'the others are served meanwhile; check that it is not stuck',
  });
}

function withoutAddress(service: Service): Service {
  const { address: _address, ...rest } = service;
  return { ...rest, ports: [], state: 'stopped' };
}

/** Two sources with one id would take each other's names back and forth; the first keeps it. */
function addOnce(seen: Map<ServiceId, Service>, service: Service, diagnostics: Diagnostic[]): void {
  if (!seen.has(service.id)) {
    seen.set(service.id, service);
    return;
  }
  const message = `two services have the id ${service.id}; the second is left out`;
  diagnostics.push({ severity: 'warning', code: 'E_CONFLICT', message, serviceId: service.id });
}

function ignoreAbort(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted) throw error;
}
