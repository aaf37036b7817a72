// Rules that must stop working without disappearing: their name, and their place in the table, stays; they answer 503. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { Change, DesiredState, IngressEntry, Plan, ServiceId } from '../model.ts';
import type { Instead } from '../plan/policy.ts';
import { covers } from './weave.ts';

/** The service of a rule that is closed. */
export const closedService = 'http_status:503';

/** Which rule an entry is: a hostname and a path, compared as the table does. */
export function entryKey(entry: IngressEntry): string {
  return `${entry.rule.hostname.toLowerCase()} ${entry.rule.path ?? ''}`;
}

/** The entry with its rule answering 503; the entry itself when it reaches no origin anyway. */
export function closeEntry(entry: IngressEntry): IngressEntry {
  if (reachesNothing(entry)) return entry;
  const { hostname, path } = entry.rule;
  return { ...entry, rule: { hostname, ...(path === undefined ? {} : { path }), service: closedService } };
}

/** The fields in which a live rule must change. Access counts: a rule whose lock changes must wait for the lock. */
export function entryDifferences(current: IngressEntry, desired: IngressEntry): readonly string[] {
  const fields: string[] = [];
  if (current.serviceId !== desired.serviceId) fields.push('serviceId');
  if (current.rule.service !== desired.rule.service) fields.push('service');
  if (!isDeepStrictEqual(current.rule.originRequest ?? {}, desired.rule.originRequest ?? {}))
    fields.push('originRequest');
  if (!isDeepStrictEqual(current.access, desired.access)) fields.push('access');
  return fields;
}

/**
 * What is done for a rule whose change is held. A delete closes it. An update closes it unless the rule as it is cannot
 * be worse than wanted: same origin, same service, and access unchanged or about to be opened up. A create stays out,
 * except where requests for it would fall through to a broader rule of the same name; there it is made, closed.
 */
export function closeInstead(desired: DesiredState): Instead<IngressEntry> {
  return (change) => {
    if (change.action === 'create')
      return isCovered(change.desired, desired) ? closedCreate(change.desired) : undefined;
    if (change.action === 'update' && isHarmless(change)) return undefined;
    return closing(change.current);
  };
}

/** Adds a closing for every live rule of these services that the plan does not change anyway. */
export function closeServices(
  plan: Plan<IngressEntry>,
  live: readonly IngressEntry[],
  services: Iterable<ServiceId>,
): Plan<IngressEntry> {
  const unwanted = new Set(services);
  const changing = new Set(
    plan.changes.map((change) => entryKey(change.action === 'delete' ? change.current : change.desired)),
  );
  const extra = live.flatMap((entry) => {
    if (!unwanted.has(entry.serviceId) || changing.has(entryKey(entry))) return [];
    return closing(entry) ?? [];
  });
  return extra.length === 0 ? plan : { ...plan, changes: [...plan.changes, ...extra] };
}

/**
 * What may be done to live rules before anything remote has been asked, so that it happens even when nothing answers:
 * a rule nobody wants, of another service now, of a stopped one, or public and no longer meant to be, is closed; one whose container has a
 * new address, with the same lock as before, is moved. Nothing that is closed is opened and nothing is added.
 * With `closeOnly` nothing is moved either: for rules that were just read, of which nobody knows the service and lock they were made for.
 */
export function withdrawals(
  live: readonly IngressEntry[],
  desired: DesiredState,
  closeOnly = false,
): readonly Change<IngressEntry>[] {
  const wanted = new Map(desired.ingress.map((entry) => [entryKey(entry), entry]));
  return live.flatMap((entry) => {
    const change = withdrawal(entry, wanted.get(entryKey(entry)));
    return (closeOnly && change !== undefined ? closing(entry) : change) ?? [];
  });
}

/** Adds a closed rule for every one of these names that has none and gets none: a name that can be resolved has a rule. */
export function keepNames(
  plan: Plan<IngressEntry>,
  present: readonly IngressEntry[],
  names: readonly { readonly hostname: string; readonly serviceId: ServiceId }[],
): Plan<IngressEntry> {
  const known = new Set(present.map((entry) => entry.rule.hostname.toLowerCase()));
  const extra = names.flatMap(({ hostname, serviceId }): Change<IngressEntry>[] => {
    if (known.has(hostname)) return [];
    const rule = { hostname, service: closedService };
    return [
      { action: 'create', serviceId, desired: { serviceId, plugin: '', rule, access: 'public', explicit: false } },
    ];
  });
  return extra.length === 0 ? plan : { ...plan, changes: [...plan.changes, ...extra] };
}

function withdrawal(entry: IngressEntry, wanted: IngressEntry | undefined): Change<IngressEntry> | undefined {
  if (reachesNothing(entry)) return undefined;
  if (wanted === undefined || wanted.serviceId !== entry.serviceId) return closing(entry);
  if (entry.access === 'public' && wanted.access !== 'public') return closing(entry);
  if (wanted.rule.service === entry.rule.service) return undefined;
  if (!isDeepStrictEqual(wanted.access, entry.access)) return closing(entry);
  const fields = entryDifferences(entry, wanted);
  return { action: 'update', serviceId: wanted.serviceId, current: entry, desired: wanted, fields };
}

/** The change that makes an entry's rule answer 503; undefined when it reaches nothing anyway. */
export function closing(current: IngressEntry): Change<IngressEntry> | undefined {
  const closed = closeEntry(current);
  if (closed === current) return undefined;
  return { action: 'update', serviceId: current.serviceId, current, desired: closed, fields: ['service'] };
}

function closedCreate(desired: IngressEntry): Change<IngressEntry> {
  return { action: 'create', serviceId: desired.serviceId, desired: closeEntry(desired) };
}

function isHarmless(change: Extract<Change<IngressEntry>, { action: 'update' }>): boolean {
  if (change.fields.includes('serviceId') || change.fields.includes('service')) return false;
  return !change.fields.includes('access') || change.desired.access === 'public';
}

function isCovered(entry: IngressEntry, desired: DesiredState): boolean {
  return desired.ingress.some((other) => entryKey(other) !== entryKey(entry) && covers(other.rule, entry.rule));
}

function reachesNothing(entry: IngressEntry): boolean {
  return entry.rule.service.startsWith('http_status:');
}
