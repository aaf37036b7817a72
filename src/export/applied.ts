// What of a pass may be handed on: the entries that are open, and why the others are not among them. Pure.
import { entryKey } from '../ingress/closing.ts';
import type { Change, Diagnostic, DnsRecord, IngressEntry, Plan, Service, ServiceId, Snapshot } from '../model.ts';
import { reasons } from '../plan/policy.ts';

/** What is exported of a pass. */
export interface Applied {
  /** In matching order. */
  readonly entries: readonly IngressEntry[];
  readonly services: readonly Service[];
  readonly withheld: readonly Withheld[];
}

/** Something that is not exported: a hostname, with its path, or a service. */
export interface Withheld {
  readonly what: string;
  readonly reason: string;
}

/** The part of a pass that is looked at. */
export type AppliedPass = Pick<Snapshot, 'services' | 'desired' | 'plans' | 'diagnostics' | 'failed'>;

/** Sorts a pass's entries into those that are in place, or will be with the next pass, and those that something holds. */
export function appliedState(pass: AppliedPass): Applied {
  const reasonOf = createReasons(pass);
  const entries: IngressEntry[] = [];
  const withheld: Withheld[] = [];
  for (const entry of pass.desired.ingress) {
    const reason = reasonOf(entry);
    if (reason === undefined) entries.push(entry);
    else withheld.push({ what: placeOf(entry), reason });
  }
  const named = new Set(pass.desired.ingress.map((entry) => entry.serviceId));
  return { entries, services: pass.services, withheld: [...withheld, ...unpublished(pass, named), ...leaving(pass)] };
}

/** A hostname and its path, as a person reads it. */
export function placeOf(entry: Pick<IngressEntry, 'rule'>): string {
  const { hostname, path } = entry.rule;
  return path === undefined ? hostname : `${hostname} ${path}`;
}

/** Reasons that only say that another step has one. */
const secondHand: ReadonlySet<string> = new Set([reasons.earlier, reasons.unlocked]);

function createReasons(pass: AppliedPass): (entry: IngressEntry) => string | undefined {
  const byService = new Map<ServiceId, string>();
  const byRule = new Map<string, string>();
  const byName = new Map<string, string>();
  for (const plan of pass.plans) {
    for (const { change, reason } of plan.held) {
      if (change.action === 'delete') continue;
      if (plan.target === 'access') note(byService, change.serviceId, reason);
      if (plan.target === 'ingress') note(byRule, entryKey(change.desired as IngressEntry), reason);
      if (plan.target === 'dns') note(byName, (change.desired as DnsRecord).name, reason);
    }
  }
  const failed = new Set(pass.failed);
  return (entry) => {
    const { serviceId, rule } = entry;
    const found = [byService.get(serviceId), byRule.get(entryKey(entry)), byName.get(rule.hostname)].filter(
      (reason) => reason !== undefined,
    );
    if (failed.has(serviceId)) found.push(errorOf(serviceId, pass.diagnostics)?.message ?? reasons.earlier);
    return found.find((reason) => !secondHand.has(reason)) ?? found[0];
  };
}

function note<K>(reasonsOf: Map<K, string>, key: K, reason: string): void {
  const before = reasonsOf.get(key);
  if (before === undefined || secondHand.has(before)) reasonsOf.set(key, reason);
}

/** Services that got no entry at all, where somebody asked for one. */
function unpublished(pass: AppliedPass, named: ReadonlySet<ServiceId>): readonly Withheld[] {
  return pass.services.flatMap(({ id }) => {
    const error = named.has(id) ? undefined : errorOf(id, pass.diagnostics);
    return error === undefined ? [] : [{ what: id, reason: error.message }];
  });
}

function errorOf(serviceId: ServiceId, diagnostics: readonly Diagnostic[]): Diagnostic | undefined {
  return diagnostics.find((finding) => finding.serviceId === serviceId && finding.severity === 'error');
}

/** What nobody wants any more and is there all the same. */
function leaving(pass: AppliedPass): readonly Withheld[] {
  return pass.plans.flatMap((plan) =>
    plan.held.flatMap(({ change, reason }) => {
      const what = change.action === 'delete' ? leavingName(plan, change) : undefined;
      return what === undefined ? [] : [{ what, reason: `it is on its way out: ${reason}` }];
    }),
  );
}

function leavingName(plan: Plan<unknown>, change: Change<unknown> & { readonly action: 'delete' }): string | undefined {
  if (plan.target === 'dns') return `record ${(change.current as DnsRecord).name}`;
  if (plan.target === 'ingress') return `rule ${placeOf(change.current as IngressEntry)}`;
  return undefined;
}
