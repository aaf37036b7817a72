// Pure rules about DNS names: how a record's name is completed, and which tunnel a CNAME's content names.
import { domainToASCII } from 'node:url';

const maxNameLength = 253;
const labelPattern = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const tunnelContentPattern = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.cfargotunnel\.com$/;

/** Lower case, Punycode, no trailing dot; undefined when it is no host name. A leading `*` label is allowed on request. */
export function normalizeName(input: string, options: { wildcard: boolean }): string | undefined {
  const trimmed = input.trim().replace(/\.$/, '').toLowerCase();
  if (trimmed === '' || trimmed.length > maxNameLength * 2) return undefined;
  const isWildcard = options.wildcard && trimmed.startsWith('*.');
  const rest = toAscii(isWildcard ? trimmed.slice(2) : trimmed);
  const name = isWildcard ? `*.${rest}` : rest;
  if (name.length > maxNameLength || !rest.split('.').every((label) => labelPattern.test(label))) return undefined;
  return name;
}

/** A record's full name in its zone: `@` and the bare zone are the apex, anything else outside the zone is below it. */
export function recordName(input: string, zone: string): string | undefined {
  const trimmed = input.trim();
  if (trimmed === '@') return zone;
  if (trimmed === '*') return `*.${zone}`;
  const name = normalizeName(trimmed, { wildcard: true });
  if (name === undefined) return undefined;
  const full = isInZone(name, zone) ? name : `${name}.${zone}`;
  return full.length > maxNameLength ? undefined : full;
}

/** True for the zone's apex and every name below it. */
export function isInZone(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** The tunnel a CNAME points at, when its content is `<uuid>.cfargotunnel.com`. */
export function tunnelOfContent(content: string): string | undefined {
  return tunnelContentPattern.exec(content)?.[1];
}

/** The content of a CNAME that points at a tunnel. */
export function contentOfTunnel(tunnelId: string): string {
  return `${tunnelId}.cfargotunnel.com`;
}

/** The wildcard names that cover a host name, closest first: `*.b.c` and `*.c` for `a.b.c`. */
export function* coveringWildcards(hostname: string): Generator<string> {
  for (let dot = hostname.indexOf('.'); dot !== -1; dot = hostname.indexOf('.', dot + 1))
    yield `*${hostname.slice(dot)}`;
}

/** Plain ASCII is the common case and keeps underscores; everything else goes through IDNA ('' when it is not valid). */
function toAscii(name: string): string {
  return /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name);
}
