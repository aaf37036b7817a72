// Hostname → record → tunnel. Pure: the directory is asked, nothing else.
import type { EdgeDirectory } from '../model.ts';
import type { ProblemKind } from './pages.ts';

/** Where a request goes, or the page that says why it goes nowhere. */
export type Routing = { readonly tunnelId: string } | { readonly problem: ProblemKind };

/** Connectors answer their own diagnostics under this name; nobody outside may ask them. */
const managementHostname = 'management.argotunnel.com';

const authorityPattern = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\])(?::\d{0,5})?$/;

/** The hostname of a Host header in lower case, without port and final dot; undefined when it is not one. */
export function hostnameOf(authority: string): string | undefined {
  const lower = authority.toLowerCase();
  if (lower.length > 260 || !authorityPattern.test(lower)) return undefined;
  const colon = lower.charCodeAt(0) === 0x5b ? lower.indexOf(':', lower.indexOf(']')) : lower.indexOf(':');
  const host = colon === -1 ? lower : lower.slice(0, colon);
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** Decides by the visitor's Host header. */
export function routeRequest(authority: string, directory: Pick<EdgeDirectory, 'route' | 'tunnel'>): Routing {
  const hostname = hostnameOf(authority);
  if (hostname === undefined) return { problem: 'bad-request' };
  if (hostname === managementHostname) return { problem: 'reserved-host' };
  const record = directory.route(hostname);
  if (record === undefined) return { problem: 'no-record' };
  if (directory.tunnel(record.tunnelId) === undefined) return { problem: 'no-tunnel' };
  return record;
}
