// Whether a service is to be published at all, and why not where one would expect it. Pure.
import type { IngressEntry, Service, ServiceHints } from '../model.ts';
import { type Finding, neverByItself, notEnabled } from './findings.ts';
import type { Selection } from './select.ts';

/** What of one wished entry decides. */
export interface Exposure {
  readonly service: Service;
  readonly hints: ServiceHints;
  /** The name in `sallyport.<name>.…`; absent for the unnamed one. */
  readonly name?: string;
  readonly context: { readonly expose: 'labelled' | 'known' | 'all'; readonly labelPrefix?: string };
  /** This service's entries of the last pass. */
  readonly previous: readonly IngressEntry[];
}

/** Whether it is to be published: `enabled` is what somebody said, else `expose` decides. */
export function isWanted(enabled: boolean | undefined, selection: Selection, wish: Exposure): boolean {
  if (enabled !== undefined) return enabled;
  switch (wish.context.expose) {
    case 'labelled':
      return false;
    case 'known':
      return selection.known && ['public-ok', 'protect'].includes(selection.sensitivity);
    case 'all':
      return hasPort(wish) && (selection.sensitivity !== 'never' || wish.hints.access !== undefined);
  }
}

/** A stopped service shows no ports: it had one if it had an entry. */
function hasPort({ service, previous }: Exposure): boolean {
  if (service.state === 'stopped') return previous.length > 0;
  return service.ports.some((port) => port.protocol === 'tcp');
}

/** Labels without the one that publishes are most likely an oversight; where everything is published, what is not has a reason. */
export function explainUnwanted(
  enabled: boolean | undefined,
  selection: Selection,
  wish: Exposure,
): readonly Finding[] {
  const { service, hints, name, context } = wish;
  if (enabled !== undefined || service.state === 'stopped') return [];
  const prefix = context.labelPrefix ?? 'sallyport';
  const label = name === undefined ? prefix : `${prefix}.${name}`;
  if (context.expose === 'labelled' && Object.keys(hints).length > 0) return [notEnabled(service, label)];
  const isKept = context.expose === 'all' && selection.sensitivity === 'never' && hasPort(wish);
  return isKept ? [withReason(neverByItself(service, label), selection)] : [];
}

/** With what the plugin says of why one must be so careful. */
export function withReason(finding: Finding, { plugin, sensitivity }: Selection): Finding {
  const { reason } = plugin.manifest.access;
  const isCareful = sensitivity === 'admin' || sensitivity === 'never';
  return reason === undefined || !isCareful ? finding : { ...finding, message: `${finding.message} (${reason})` };
}
