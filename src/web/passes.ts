// What passes did, for the activity log and for whoever looks: changes made, services that differ, connections that came and went. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { Snapshot } from '../model.ts';
import type { ServiceStatus, Status } from '../status.ts';
import type { Activity } from './activity.ts';
import { changeView } from './views/plan.ts';

const maxChanges = 200;
const maxServices = 100;

/** What the pass changed, one entry per change; what failed says so. */
export function activityOf(snapshot: Snapshot): readonly Omit<Activity, 'at'>[] {
  const failed = new Set(snapshot.failed);
  const by = snapshot.reasons.join('; ');
  return snapshot.plans
    .flatMap((plan) => plan.changes.map((change) => changeView(plan.target, change)))
    .slice(0, maxChanges)
    .map(({ target, action, serviceId, what, cause }) => ({
      kind: 'change' as const,
      by,
      what: `${action} ${what}`,
      serviceId,
      target,
      cause,
      ...(failed.has(serviceId as Snapshot['failed'][number]) ? { failed: true } : {}),
    }));
}

/** The event of a finished pass: which services differ from before, as far as they are few. */
export function passEvent(before: Status | undefined, now: Status) {
  const old = new Map(before?.services.map((service) => [service.id, service]));
  const present = new Set(now.services.map(({ id }) => id));
  const differing = now.services.filter((service) => !isDeepStrictEqual(old.get(service.id), service));
  const { revision, ready, complete, finishedAt, lastError } = now;
  return {
    revision,
    ready,
    complete,
    finishedAt: finishedAt ?? null,
    lastError: lastError ?? null,
    services: differing.slice(0, maxServices) satisfies readonly ServiceStatus[],
    gone: [...old.keys()].filter((id) => !present.has(id)).slice(0, maxServices),
    /** More differ than are told: read the whole list. */
    isPartial: differing.length > maxServices,
    held: now.held.length,
    suggestions: now.suggestions.length,
  };
}

/** The event of a connector whose connections differ. */
export function connectorEvent({ ready, connector, lastError }: Status) {
  return {
    ready,
    name: connector?.name ?? null,
    lastError: lastError ?? null,
    connections: connector?.connections ?? [],
  };
}
