// The TXT registry as external-dns keeps it: what its records are called, and what they say. Pure.
import type { Owner } from '../model.ts';
import { checkOwnerId, isServiceId, shorten } from './ownership.ts';

/** What a registry record says, and of which record. */
export interface RegistryMark {
  /** The hostname it is about. */
  readonly hostname: string;
  /** The type of the record it is about; undefined in the form without one, which external-dns wrote before 0.12. */
  readonly type: string | undefined;
  /** An instance of ours by its id; external-dns itself as `external-dns/<its owner id>`, which no instance can be called. */
  readonly owner: Owner;
}

const maxLabelLength = 63;
const maxNameLength = 253;
/** One string of a TXT record holds no more. */
const maxTextLength = 255;
const maxContentLength = 4_096;
/** What stands for `*` where only a whole label may be one: no name a service is likely to have. */
const wildcard = '_wildcard';
const heritage = 'heritage=external-dns';
/** Begins the resource of every mark of ours, so that an external-dns with our owner id is not taken for us. */
const ourKind = 'sallyport/';
const foreignKind = 'external-dns/';
/** Types external-dns may put before a name. */
const typePrefix = /^(a|aaaa|cname|ns|mx|ptr|srv|naptr|txt|dname)-(.+)$/;

/**
 * What the registry record of a CNAME is called, as external-dns calls it without a prefix of its own and with `_wildcard` in place of `*`:
 * `cname-www.example.com`. Undefined where there is no such name in the zone: for the apex, and for names that would be too long.
 */
export function registryName(hostname: string, zone: string): string | undefined {
  if (hostname === zone) return undefined;
  const [label = '', ...rest] = hostname.split('.');
  if (label === wildcard) return undefined;
  const first = `cname-${label === '*' ? wildcard : label}`;
  const name = [first, ...rest].join('.');
  return first.length <= maxLabelLength && name.length <= maxNameLength ? name : undefined;
}

/** What our registry record says: `"heritage=external-dns,external-dns/owner=home,external-dns/resource=sallyport/docker/wiki"`. */
export function formatRegistryMark(owner: Owner): string {
  const head = `${heritage},external-dns/owner=${checkOwnerId(owner.id)},external-dns/resource=${ourKind}`;
  // A comma ends a label, a quote or backslash the text.
  const resource = shorten(owner.resource, maxTextLength - head.length, /[^!-~]|[,"\\]/g);
  return `"${head}${resource}"`;
}

/** What a TXT record says of which record's owner; undefined for every other TXT record. */
export function parseRegistryMark(name: string, content: string): RegistryMark | undefined {
  const labels = new Map(
    textOf(content)
      .split(',')
      .map((label): [string, string] => {
        const equals = label.indexOf('=');
        return equals < 0 ? [label, ''] : [label.slice(0, equals), label.slice(equals + 1)];
      }),
  );
  if (labels.get('heritage') !== 'external-dns') return undefined;
  const id = (labels.get('external-dns/owner') ?? '').slice(0, maxTextLength);
  const resource = labels.get('external-dns/resource') ?? '';
  const ours = resource.startsWith(ourKind) ? resource.slice(ourKind.length) : undefined;
  const owner: Owner = isServiceId(ours)
    ? { id, resource: ours }
    : { id: `${foreignKind}${id}`, resource: `external-dns/${resource}` };
  return { ...subjectOf(name), owner };
}

/** The owner as a person knows it. */
export function ownerName({ id }: Owner): string {
  return id.startsWith(foreignKind) ? `external-dns (owner "${id.slice(foreignKind.length)}")` : `the instance "${id}"`;
}

/** Whether a registry record says exactly what we would write. */
export function isRegistryMark(content: string, owner: Owner): boolean {
  return textOf(content) === textOf(formatRegistryMark(owner));
}

/** The type and name a registry record's name stands for. */
function subjectOf(name: string): Pick<RegistryMark, 'hostname' | 'type'> {
  const [label = '', ...rest] = name.split('.');
  const [, type, plain = label] = typePrefix.exec(label) ?? [];
  return { hostname: [plain === wildcard ? '*' : plain, ...rest].join('.'), type: type?.toUpperCase() };
}

/** The text of a TXT record: its strings, quoted or not, one after the other. What is longer than any mark is no mark. */
function textOf(content: string): string {
  const trimmed = content.length > maxContentLength ? '' : content.trim();
  if (!trimmed.startsWith('"')) return trimmed;
  let text = '';
  let isQuoted = false;
  for (let at = 0; at < trimmed.length; at++) {
    const character = trimmed.charAt(at);
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) text += character === '\\' ? trimmed.charAt(++at) : character;
  }
  return text;
}
