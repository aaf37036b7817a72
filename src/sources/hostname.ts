// Hostnames as people write them and as they follow from a container's name. Pure; the input is untrusted.
import { domainToASCII } from 'node:url';

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The hostname in lower-case ASCII without a trailing dot, or undefined when it is none; `*.` may lead a name that has a dot. */
export function parseHostname(text: string): string | undefined {
  if (text.length > 512) return undefined;
  const wildcard = text.startsWith('*.');
  const rest = wildcard ? text.slice(2) : text;
  const ascii = toAscii(rest.replace(/\.$/, ''));
  if (ascii === undefined || ascii.length > 251) return undefined;
  const labels = ascii.split('.');
  if (!labels.every((part) => label.test(part))) return undefined;
  // A name of digits alone in the last place is read as an IPv4 address by every URL parser.
  if (/^\d+$/.test(labels.at(-1) ?? '')) return undefined;
  return wildcard ? `*.${ascii}` : ascii;
}

function toAscii(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (/^[a-z0-9.-]+$/.test(lower)) return lower;
  // domainToASCII would also cut at a slash or decode percent signs: only letters and dots may reach it.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(lower)) return undefined;
  const ascii = domainToASCII(lower);
  return ascii === '' ? undefined : ascii;
}

/** A DNS label made of any name: lower case, everything else a hyphen; undefined when nothing is left. */
export function dnsLabel(name: string): string | undefined {
  const cleaned = name
    .slice(0, 253)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, 63)
    .replace(/-$/, '');
  if (cleaned === '') return undefined;
  return /^\d+$/.test(cleaned) ? `s${cleaned}`.slice(0, 63) : cleaned;
}
