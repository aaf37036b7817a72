// What could be published and is not: each service with what publishing it would do. Pure.
import type { ServiceChoice } from './choices.ts';
import type { Diagnostic, IngressEntry, Service, ServiceId } from './model.ts';

/** One service that is not published, and what would come of publishing it. */
export interface Suggestion {
  readonly serviceId: ServiceId;
  readonly name: string;
  readonly plugin: string | undefined;
  /** The entries it would get; empty when something keeps it from being published. */
  readonly entries: readonly IngressEntry[];
  /** What would have to be mended first, or known. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What suggestions are made of. */
export interface SuggestionInputs {
  readonly services: readonly Service[];
  /** The entries of the pass: a service that has one is published. */
  readonly entries: readonly IngressEntry[];
  readonly choices: Readonly<Record<ServiceId, ServiceChoice>>;
  /** False for what is not meant for visitors: databases, caches, what only helps others. */
  readonly isForVisitors: (service: Service) => boolean;
  readonly route: (services: readonly Service[]) => {
    readonly entries: readonly IngressEntry[];
    readonly diagnostics: readonly Diagnostic[];
  };
}

/**
 * Suggestions by name, those that would work as they are first. A service that says `enable=false`, was told to be ignored, does not
 * run, or is not meant for visitors is none.
 */
export function suggest(inputs: SuggestionInputs): readonly Suggestion[] {
  const { services, entries, choices, route } = inputs;
  const published = new Set(entries.map((entry) => entry.serviceId));
  const candidates = services.filter(
    (service) => isCandidate(service, published, choices) && inputs.isForVisitors(service),
  );
  const routed = route(candidates.map(enabled));
  const wouldBe = Map.groupBy(routed.entries, (entry) => entry.serviceId);
  const findings = Map.groupBy(routed.diagnostics, (finding) => finding.serviceId);
  return candidates
    .map((service) => {
      const found = wouldBe.get(service.id) ?? [];
      return {
        serviceId: service.id,
        name: service.name,
        plugin: found[0]?.plugin,
        entries: found,
        diagnostics: findings.get(service.id) ?? [],
      };
    })
    .filter((one) => one.entries.length + one.diagnostics.length > 0)
    .toSorted((a, b) => Number(b.entries.length > 0) - Number(a.entries.length > 0) || (a.name < b.name ? -1 : 1));
}

function isCandidate(
  service: Service,
  published: ReadonlySet<ServiceId>,
  choices: SuggestionInputs['choices'],
): boolean {
  if (published.has(service.id) || service.state === 'stopped' || service.source === 'builtin') return false;
  // One that was asked for has its own diagnostics; one that was refused is not brought up again.
  if (service.hints.enable !== undefined) return false;
  const isIgnored = Object.hasOwn(choices, service.id) && choices[service.id]?.ignored === true;
  return !isIgnored && service.ports.some((port) => port.protocol === 'tcp');
}

function enabled(service: Service): Service {
  return { ...service, hints: { ...service.hints, enable: true } };
}
