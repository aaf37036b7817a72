// DNS records of ours, kept in line with the desired state. Reads each zone once per plan, changes it in batches.
import { nameDecisions } from '../adoption.ts';
import type { Choices } from '../choices.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { maxBatchSize } from '../cloudflare/dns.ts';
import type { Reconciler } from '../contracts.ts';
import { ApiError, type AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Change, DesiredState, Diagnostic, Plan, ServiceId } from '../model.ts';
import { hold } from '../plan/policy.ts';
import { type Chunk, chunksOf, halves, toBatch, zoneOf } from './chunks.ts';
import { conflict } from './findings.ts';
import { checkOwnerId } from './ownership.ts';
import { isAsDesired, isStillAsPlanned, nobody, planRecords } from './plan-records.ts';
import { canonicalName, isOurs } from './records.ts';
import {
  claimRecord,
  type FoundRecord,
  joinNames,
  type MarkForm,
  readNames,
  type ZoneNames,
  type ZoneRecord,
} from './zone-names.ts';

/** What the reconciler works with. */
export interface DnsOptions {
  readonly api: Pick<CloudflareApi, 'zones' | 'dns'>;
  /** The only zones that are ever read or changed. */
  readonly zones: readonly string[];
  /** Our id, marked on every record we make. */
  readonly owner: string;
  /** Where the mark is kept; one kept the other way counts as well, and is converted. Default: the comment. */
  readonly ownership?: MarkForm;
  /**
   * What our records point at, `<tunnel id>.cfargotunnel.com`: one that points elsewhere when nobody wants it any more is not deleted.
   * Where it is not known, any tunnel.
   */
  readonly tunnelTarget?: string;
  /** Ids of zones that are known already, by name. */
  readonly zoneIds?: ReadonlyMap<string, string>;
  /** Which names a person adopted or released; read again for every plan. Default: none. */
  readonly choices?: () => Pick<Choices, 'adopted' | 'released'>;
  readonly logger: Logger;
}

/** The DNS reconciler, and what others may ask of the records it read. */
export interface DnsReconciler extends Reconciler<ZoneRecord> {
  /** Hostnames whose record carries our mark and was not released, as read now. */
  ownedHostnames(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Hostnames that have any record that is not a mark, as read now. */
  recordedHostnames(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** A reconciler for the records of these zones. Throws ValidationError when the owner id cannot be marked on a record. */
export function createDnsReconciler(options: DnsOptions): DnsReconciler {
  const owner = checkOwnerId(options.owner);
  const { ownership = 'comment', tunnelTarget } = options;
  const zones = [...new Set(options.zones.map(canonicalName))];
  const zoneIds = new Map([...(options.zoneIds ?? [])].map(([name, id]) => [canonicalName(name), id]));
  let problems: Diagnostic[] = [];
  /** Why the API takes nothing at the moment: the rest of this apply need not try. */
  let outage: ApiError | undefined;
  let reading: { readonly signal: AbortSignal; readonly names: Promise<ZoneNames> } | undefined;

  function decisions() {
    return nameDecisions(options.choices?.() ?? { adopted: [], released: [] });
  }

  async function zoneId(zone: string, signal: AbortSignal): Promise<string | undefined> {
    const known = zoneIds.get(zone);
    if (known !== undefined) return known;
    const found = await options.api.zones.byName(zone, signal);
    if (found !== undefined) zoneIds.set(zone, found.id);
    return found?.id;
  }

  /** All there is in a zone; nothing when the token does not see the zone. */
  async function read(zone: string, signal: AbortSignal): Promise<ZoneNames> {
    const id = await zoneId(zone, signal);
    return readNames(id === undefined ? [] : await options.api.dns.list(id, signal), zone, owner);
  }

  /** Every zone; who asks while the same pass is already reading shares the answer. */
  function readAll(signal: AbortSignal): Promise<ZoneNames> {
    if (reading?.signal === signal) return reading.names;
    const names = Promise.all(zones.map((zone) => read(zone, signal))).then(joinNames);
    const mine = { signal, names };
    reading = mine;
    const forget = () => {
      if (reading === mine) reading = undefined;
    };
    names.then(forget, forget);
    return names;
  }

  async function plan(desired: DesiredState, signal: AbortSignal): Promise<Plan<ZoneRecord>> {
    problems = [];
    const rules = { ...decisions(), owner, form: ownership, tunnelTarget };
    const current = await readAll(signal);
    const wanted = desired.dnsRecords.map((record) => ({ ...record, zone: canonicalName(record.zone) }));
    const { plan: planned, findings } = planRecords(current, wanted, rules);
    const held = hold(planned, (change) =>
      zoneIds.has(zoneOf(change)) ? undefined : unseenZone(zoneOf(change), zones),
    );
    const unseen = held.held
      .slice(planned.held.length)
      .map(({ change, reason }) => conflict(change.serviceId, { reason }));
    const missing = zones.filter((zone) => !zoneIds.has(zone)).map(unknownZone);
    problems.push(...missing, ...findings, ...unseen);
    return held;
  }

  async function apply(
    planned: Plan<ZoneRecord>,
    phase: 'upsert' | 'delete',
    signal: AbortSignal,
  ): Promise<readonly ServiceId[]> {
    const changes = planned.changes.filter((change) => (change.action === 'delete') === (phase === 'delete'));
    outage = undefined;
    const edited = await editedSince(changes, signal);
    const current = changes.filter((change) => !edited.has(change));
    const failed = [...edited].flatMap((change) => (change.action === 'delete' ? [] : [change.serviceId]));
    for (const chunk of chunksOf(current, maxBatchSize, owner)) failed.push(...(await send(chunk, signal)));
    return [...new Set(failed)];
  }

  /**
   * Changes of what somebody edited since the plan: where something that exists is touched, its zone is read once more. A record that is
   * gone needs no delete; one that was edited is left alone, and the next pass decides about it.
   */
  async function editedSince(
    changes: readonly Change<ZoneRecord>[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<Change<ZoneRecord>>> {
    const touching = changes.filter((change) => change.action !== 'create' || change.desired.registry !== undefined);
    const found = new Map<string, FoundRecord>();
    for (const zone of new Set(touching.map(zoneOf)))
      for (const record of recordsOf(await read(zone, signal))) found.set(record.id, record);
    return new Set(touching.filter((change) => !isStillAsPlanned(change, found)));
  }

  /** One call; when the API finds fault with it, the changes not yet true are tried in halves, so that one bad record harms no other. */
  async function send(chunk: Chunk, signal: AbortSignal): Promise<readonly ServiceId[]> {
    const id = zoneIds.get(chunk.zone);
    if (chunk.changes.length === 0 || id === undefined) return [];
    if (outage !== undefined) return fail(chunk, outage);
    try {
      await options.api.dns.batch(id, toBatch(chunk, owner), signal);
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
    const records = recordsOf(await read(chunk.zone, signal));
    return { zone: chunk.zone, changes: chunk.changes.filter((change) => !isDone(change, records)) };
  }

  function isDone(change: Change<ZoneRecord>, records: readonly FoundRecord[]): boolean {
    if (change.action !== 'delete' && change.desired.owner !== undefined)
      return records.some((record) => isAsDesired(record, change.desired));
    const record = records.find(({ id }) => id === (change.action === 'create' ? undefined : change.current.id));
    const isOnlyMark = change.action !== 'delete' || change.onlyMark === true;
    return record === undefined || (isOnlyMark && record.owner?.id !== owner);
  }

  function fail(chunk: Chunk, error: AppError): readonly ServiceId[] {
    const services = chunk.changes.map((change) => change.serviceId);
    options.logger.warn({ zone: chunk.zone, services, code: error.code, reason: error.message }, 'dns change failed');
    for (const serviceId of services) {
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      const concerns = serviceId === nobody ? {} : { serviceId };
      problems.push({ severity: 'error', code: error.code, message: error.message, ...concerns, ...hint });
    }
    return services;
  }

  return {
    target: 'dns',
    plan,
    apply,
    diagnostics: () => problems,
    async ownedHostnames(signal) {
      const { isReleased } = decisions();
      const owned = recordsOf(await readAll(signal)).filter((record) => isOurs(record, owner));
      return new Set(owned.map((record) => record.name).filter((name) => !isReleased(name)));
    },
    async recordedHostnames(signal) {
      const { names } = await readAll(signal);
      return new Set([...names.values()].flatMap(({ name, records }) => (records.length > 0 ? [name] : [])));
    },
  };
}

/** Every record that a change may be about. */
function recordsOf({ names }: ZoneNames): readonly FoundRecord[] {
  return [...names.values()].flatMap(({ zone, records, registry, claims }) => [
    ...records,
    ...[...registry, ...claims].map((claim) => claimRecord(zone, claim)),
  ]);
}

/** The API understood and refuses: something in the batch is wrong, not the moment or the token. */
function isFault(error: ApiError): boolean {
  return !error.retryable && error.status !== undefined && error.status !== 401 && error.status !== 403;
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
