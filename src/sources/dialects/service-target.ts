// The URLs other tools lead to: one that names the container itself says no more than a protocol and a port. Pure.
import { ValidationError } from '../../errors.ts';
import { type OriginTarget, parseServiceUrl } from '../../ingress/service-url.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';

/** Puts a service URL into the entry. */
export function setService(labels: ForeignLabels, entry: EntryDraft, url: string, from: string): void {
  const target = parsed(url);
  if (target !== undefined && 'hostname' in target && isOwnName(labels, target.hostname)) {
    entry.set('protocol', target.kind === 'tcp' ? target.scheme : target.kind, from);
    if (target.port !== undefined) entry.set('port', String(target.port), from);
    return;
  }
  entry.set('service', url, from);
}

/** Whether a host is the container itself. */
export function isOwnName(labels: ForeignLabels, host: string): boolean {
  return labels.names.some((name) => name.toLowerCase() === host.toLowerCase());
}

function parsed(url: string): OriginTarget | undefined {
  if (url.length > 1024) return undefined;
  try {
    return parseServiceUrl(url);
  } catch (error) {
    if (error instanceof ValidationError) return undefined;
    throw error;
  }
}
