// DNS records of ours, kept in line with the desired state. Reads each zone once per plan, changes it in batches.
import type { CloudflareApi } from '../cloudflare/client.ts';
import { maxBatchSize } from '../cloudflare/dns.ts';
import type { Reconciler } from '../contracts.ts';
import { ApiError, type AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Change, DesiredState, Diagnostic, DnsRecord, HeldChange, Plan, ServiceId } from '../model.ts';
import { hold } from '../plan/policy.ts';
import { type Chunk, chunksOf, halves, toBatch, zoneOf } from './chunks.ts';
import { checkOwnerId } from './ownership.ts';
import { canonicalName, fromApi, isAsDesired, isOurs, isUnchanged, planRecords } from './records.ts';

/** What the reconciler works with. */
export interface DnsOptions {
  readonly api: Pick<CloudflareApi, 'zones' | 'dns'>;
  /** The only zones that are ever read or changed. */
  readonly zones: readonly string[];
  /** Our id, marked on every record we make. */
  readonly owner: string;
  readonly logger: Logger;
}

/** The DNS reconciler, and what others may ask of the records it read. */
export interface DnsReconciler extends Reconciler<DnsRecord> {
  /** Hostnames whose record carries our mark, as read now. */
  ownedHostnames(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** A reconciler for the records of these zones. Throws ValidationError when the owner id cannot be marked on a record. */
export function createDnsReconciler(options: DnsOptions): DnsReconciler {
  const owner = checkOwnerId(options.owner);
  const zones = [...new Set(options.zones.map(canonicalName))];
  const zoneIds = new Map<string, string>();
  let problems: Diagnostic[] = [];
  /** Why the API takes nothing at the moment: the rest of this apply need not try. */
  let outage: ApiError | undefined;
  let reading: { readonly signal: AbortSignal; readonly records: Promise<readonly DnsRecord[]> } | undefined;

  async function zoneId(zone: string, signal: AbortSignal): Promise<string | undefined> {
    const known = zoneIds.get(zone);
    if (known !== undefined) return known;
    const found = await options.api.zones.byName(zone, signal);
    if (found !== undefined) zoneIds.set(zone, found.id);
    return found?.id;
  }

  /** All records of a zone; none when the token does not see the zone. */
  async function read(zone: string, signal: AbortSignal): Promise<readonly DnsRecord[]> {
    const id = await zoneId(zone, signal);
    if (id === undefined) return [];
    return (await options.api.dns.list(id, signal)).map((record) => fromApi(record, zone));
  }

  /** Every zone; who asks while the same pass is already reading shares the answer. */
  function readAll(signal: AbortSignal): Promise<readonly DnsRecord[]> {
    if (reading?.signal === signal) return reading.records;
    const records = Promise.all(zones.map((zone) => read(zone, signal))).then((lists) => lists.flat());
    const mine = { signal, records };
    reading = mine;
    const forget = () => {
      if (reading === mine) reading = undefined;
    };
    records.then(forget, forget);
    return records;
  }

  async function plan(desired: DesiredState, signal: AbortSignal): Promise<Plan<DnsRecord>> {
    problems = [];
    const current = await readAll(signal);
    const wanted = desired.dnsRecords.map((record) => ({ ...record, zone: canonicalName(record.zone) }));
    const planned = planRecords(current, wanted, owner);
    const held = hold(planned, (change) =>
      zoneIds.has(zoneOf(change)) ? undefined : unseenZone(zoneOf(change), zones),
    );
    const missing = zones.filter((zone) => !zoneIds.has(zone));
    problems.push(...missing.map(unknownZone), ...held.held.map(conflict));
    return held;
  }

  async function apply(
    planned: Plan<DnsRecord>,
    phase: 'upsert' | 'delete',
    signal: AbortSignal,
  ): Promise<readonly ServiceId[]> {
    const changes = planned.changes.filter((change) => (change.action === 'delete') === (phase === 'delete'));
    outage = undefined;
    const current = await stillAsPlanned(changes, signal);
    const failed: ServiceId[] = [];
    for (const chunk of chunksOf(current, maxBatchSize)) failed.push(...(await send(chunk, signal)));
    return [...new Set(failed)];
  }

  /**
   * Updates and deletes only of records that nobody edited since the plan: the zones concerned are read once more.
   * A record that is gone needs no delete; one that was edited is left alone and the next pass decides about it.
   */
  async function stillAsPlanned(
    changes: readonly Change<DnsRecord>[],
    signal: AbortSignal,
  ): Promise<readonly Change<DnsRecord>[]> {
    const touched = new Set(changes.filter((change) => change.action !== 'create').map(zoneOf));
    if (touched.size === 0) return changes;
    const found = new Map<string | undefined, DnsRecord>();
    for (const zone of touched) for (const record of await read(zone, signal)) found.set(record.id, record);
    return changes.filter((change) => {
      if (change.action === 'create') return true;
      const record = found.get(change.current.id);
      return record !== undefined && isOurs(record, owner) && isUnchanged(record, change.current);
    });
  }

  /** One call; when the API finds fault with it, the changes not yet true are tried in halves, so that one bad record harms no other. */
  async function send(chunk: Chunk, signal: AbortSignal): Promise<readonly ServiceId[]> {
    const id = zoneIds.get(chunk.zone);
    if (chunk.changes.length === 0 || id === undefined) return [];
    if (outage !== undefined) return fail(chunk, outage);
    try {
      await options.api.dns.batch(id, toBatch(chunk), signal);
      return [];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!isFault(error)) {
        outage = error;
        return fail(chunk, error);
      }
      const rest = await notYetTrue(chunk, signal);
      if (rest.changes.length === 0) return [];
      if (rest.changes.length === 1) return fail(rest, error);
      const failed: ServiceId[] = [];
      for (const half of halves(rest)) failed.push(...(await send(half, signal)));
      return failed;
    }
  }

  /** A batch whose answer was lost was perhaps made: what is already as it should be is done. */
  async function notYetTrue(chunk: Chunk, signal: AbortSignal): Promise<Chunk> {
    const records = await read(chunk.zone, signal);
    const changes = chunk.changes.filter((change) =>
      change.action === 'delete'
        ? records.some((record) => record.id === change.current.id)
        : !records.some((record) => isAsDesired(record, change.desired)),
    );
    return { zone: chunk.zone, changes };
  }

  function fail(chunk: Chunk, error: AppError): readonly ServiceId[] {
    const services = chunk.changes.map((change) => change.serviceId);
    options.logger.warn({ zone: chunk.zone, services, code: error.code, reason: error.message }, 'dns change failed');
    for (const serviceId of services) {
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      problems.push({ severity: 'error', code: error.code, message: error.message, serviceId, ...hint });
    }
    return services;
  }

  return {
    target: 'dns',
    plan,
    apply,
    diagnostics: () => problems,
    async ownedHostnames(signal) {
      const records = await readAll(signal);
      return new Set(records.filter((record) => isOurs(record, owner)).map((record) => record.name));
    },
  };
}

/** The API understood and refuses: something in the batch is wrong, not the moment or the token. */
function isFault(error: ApiError): boolean {
  return !error.retryable && error.status !== undefined && error.status !== 401 && error.status !== 403;
}

function conflict({ change, reason }: HeldChange<DnsRecord>): Diagnostic {
  return { severity: 'error', code: 'E_CONFLICT', message: reason, serviceId: change.serviceId };
}

function unseenZone(zone: string, zones: readonly string[]): string {
  return zones.includes(zone)
    ? `the API token sees no zone "${zone}"`
    : `the zone "${zone}" is not among cloudflare.zones, and only those are touched`;
}

function unknownZone(zone: string): Diagnostic {
  return {
    severity: 'error',
    code: 'E_ZONE_UNKNOWN',
    message: `the API token sees no zone "${zone}"`,
    hint: 'add the zone to the account, give the token the permission "Zone > Zone > Read" for it, or correct cloudflare.zones',
  };
}
