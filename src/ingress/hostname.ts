// Hostnames of entries: brought to one form, checked, and put in a zone. Pure.
import { toLookupAscii } from './idna.ts';

/**
 * Lower case, ASCII, no trailing dot; undefined when it is no hostname DNS can hold. A leading `*.` is kept. Stricter than
 * cloudflared on purpose: a record has to be made for it.
 */
export function normaliseHostname(hostname: string): string | undefined {
  const lower = hostname.toLowerCase().replace(/\.$/, '');
  const wildcard = lower.startsWith('*.') ? '*.' : '';
  const name = lower.slice(wildcard.length);
  // An underscore is no strict domain name, but DNS and cloudflared serve such names.
  const ascii = /^[a-z0-9._-]*$/.test(name) ? name : toLookupAscii(name);
  if (ascii === undefined || wildcard.length + ascii.length > 253) return undefined;
  return labels.test(ascii) ? wildcard + ascii : undefined;
}

const labels = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** The longest zone the hostname lies in, or undefined. */
export function zoneOf(hostname: string, zones: readonly string[]): string | undefined {
  const inside = zones.filter((zone) => {
    const name = zone.toLowerCase();
    return hostname === name || hostname.endsWith(`.${name}`);
  });
  return inside.sort((a, b) => b.length - a.length)[0];
}
