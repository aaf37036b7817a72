// The ASCII form of a hostname for lookup (UTS #46, strict names), as cloudflared derives it from a rule's hostname. Pure.
import { domainToASCII } from 'node:url';

/**
 * The lower-case ASCII form ("môô.example" → "xn--m-xgaa.example"), or undefined when the name is not a strict domain name:
 * only letters, digits, hyphens (not at a label's ends or doubled at its third place) and dots. Empty labels pass.
 */
export function toLookupAscii(hostname: string): string | undefined {
  // By far the most names are plain: no need to look closer than this.
  if (/^[a-z0-9]+(\.[a-z0-9]+)*$/.test(hostname)) return hostname;
  if (!/^[A-Za-z0-9.\-\u0080-\u{10ffff}]*$/u.test(hostname)) return undefined;
  const ascii = /^[\p{ASCII}]*$/u.test(hostname) ? hostname.toLowerCase() : domainToASCII(hostname);
  if (ascii === '' && hostname !== '') return undefined;
  return ascii.split('.').every(isStrictLabel) ? ascii : undefined;
}

function isStrictLabel(label: string): boolean {
  if (label.startsWith('xn--')) return true;
  return /^[a-z0-9-]*$/.test(label) && !label.startsWith('-') && !label.endsWith('-') && label.slice(2, 4) !== '--';
}
