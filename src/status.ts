// What a person wants to know, as one value: every service with its names and troubles, and how the road is. Pure.
import { shownUrl } from './ingress/shown-url.ts';
import type { Diagnostic, EdgeConnectionInfo, IngressEntry, Plan, Service, Snapshot } from './model.ts';
import type { Suggestion } from './suggestions.ts';

/** One line of `sallyport services` and of the status page. */
export interface ServiceStatus {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly plugin: string | undefined;
  readonly address: string | undefined;
  readonly hostnames: readonly string[];
  readonly access: readonly string[];
  /** The service URLs behind the hostnames, in the same order. */
  readonly rules: readonly string[];
  readonly state: Service['state'];
  readonly published: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** `/api/status`. */
export interface Status {
  readonly version: string;
  readonly edge: string;
  readonly connector: { readonly name: string; readonly connections: readonly EdgeConnectionInfo[] } | undefined;
  readonly ready: boolean;
  readonly revision: number;
  readonly finishedAt: Date | undefined;
  readonly complete: boolean;
  readonly lastError: string | undefined;
  readonly services: readonly ServiceStatus[];
  readonly held: readonly HeldStatus[];
  readonly suggestions: readonly SuggestionStatus[];
  /** Findings about no service in particular. */
  readonly diagnostics: readonly Diagnostic[];
}

/** One change that was not made, and why. */
export interface HeldStatus {
  readonly target: string;
  readonly action: string;
  readonly serviceId: string;
  readonly reason: string;
}

/** A service that is not published, and what publishing it would do. */
export interface SuggestionStatus {
  readonly id: string;
  readonly name: string;
  readonly plugin: string | undefined;
  readonly hostnames: readonly string[];
  readonly access: readonly string[];
  readonly rules: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The suggestions as they are shown. */
export function suggestionStatuses(suggestions: readonly Suggestion[]): SuggestionStatus[] {
  return suggestions.map(({ serviceId, name, plugin, entries, diagnostics }) => ({
    id: serviceId,
    name,
    plugin,
    ...shownEntries(entries),
    diagnostics,
  }));
}

/** Every service of a pass with what became of it, sorted by name. */
export function serviceStatuses(
  pass: Pick<Snapshot, 'services' | 'entries' | 'desired' | 'diagnostics'>,
): ServiceStatus[] {
  const published = groupBy(pass.desired.ingress, (entry) => entry.serviceId);
  const routed = groupBy(pass.entries, (entry) => entry.serviceId);
  const findings = groupBy(pass.diagnostics, (diagnostic) => diagnostic.serviceId ?? '');
  return pass.services
    .map((service) => {
      const entries = published.get(service.id) ?? [];
      return {
        id: service.id,
        name: service.name,
        source: service.source,
        plugin: (entries[0] ?? routed.get(service.id)?.[0])?.plugin,
        address: service.address,
        ...shownEntries(entries),
        state: service.state,
        published: entries.length > 0,
        diagnostics: findings.get(service.id) ?? [],
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function shownEntries(entries: readonly IngressEntry[]) {
  return {
    hostnames: entries.map((entry) => entry.rule.hostname + (entry.rule.path ?? '')),
    access: entries.map(accessName),
    rules: entries.map((entry) => shownUrl(entry.rule.service)),
  };
}

/** The held changes of all plans. */
export function heldStatuses(plans: readonly Plan<unknown>[]): HeldStatus[] {
  return plans.flatMap((plan) =>
    plan.held.map(({ change, reason }) => ({
      target: plan.target,
      action: change.action,
      serviceId: change.serviceId,
      reason,
    })),
  );
}

function accessName(entry: IngressEntry): string {
  return entry.access === 'public' ? 'public' : entry.access.policy;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
