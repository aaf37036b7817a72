// Pure rules of DNS records, as Cloudflare's API has them: what a record may hold, and which records exclude each other.
import { isIPv4, isIPv6 } from 'node:net';
import { normalizeName, recordName } from './names.ts';
import { type RefusedError, refusal, refusalCode } from './refusal.ts';

/** What a client sends to create or overwrite a record; shapes are checked, meaning is not. */
export interface RecordInput {
  readonly type: string;
  readonly name: string;
  readonly content?: string;
  readonly ttl?: number;
  readonly proxied?: boolean;
  readonly comment?: string | null;
  readonly tags?: readonly string[] | null;
  readonly priority?: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>> | null;
}

/** What is stored of a record besides its identity and times. */
export interface RecordFields {
  readonly type: string;
  readonly name: string;
  readonly content: string;
  readonly ttl: number;
  readonly proxied: boolean;
  readonly comment: string | null;
  readonly tags: readonly string[];
  readonly priority: number | null;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Quotas that depend on a zone's plan at Cloudflare. */
export interface RecordLimits {
  /** Characters of a comment; 100 on Cloudflare's free plan. */
  readonly commentLength: number;
  /** Tags on one record. */
  readonly tags: number;
  /** Operations in one batch; 200 on Cloudflare's free plan. */
  readonly batch: number;
}

/** The free plan's quotas, but with tags, which that plan lacks. */
export const defaultLimits: RecordLimits = { commentLength: 100, tags: 20, batch: 200 };

const automaticTtl = 1;
const minTtl = 60;
const maxTtl = 86_400;
const maxContentLength = 4_096;
const addressTypes: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME']);
const dataTypes: ReadonlySet<string> = new Set([
  'CAA',
  'CERT',
  'DNSKEY',
  'DS',
  'HTTPS',
  'LOC',
  'NAPTR',
  'SMIMEA',
  'SRV',
  'SSHFP',
  'SVCB',
  'TLSA',
  'URI',
]);
const plainTypes: ReadonlySet<string> = new Set(['MX', 'NS', 'OPENPGPKEY', 'PTR', 'TXT']);
const tagPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}(:.{0,100})?$/;
const helpAboutNames =
  'For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>.';

/** True for the types whose name can be proxied, and of which a name has at most one kind. */
export function isAddressType(type: string): boolean {
  return addressTypes.has(type);
}

/** The record as it will be stored: defaults filled in, names completed; throws a RefusedError with Cloudflare's code. */
export function checkRecord(input: RecordInput, zone: string, limits: RecordLimits): RecordFields {
  const type = input.type.toUpperCase();
  if (!addressTypes.has(type) && !dataTypes.has(type) && !plainTypes.has(type))
    throw refusal(400, refusalCode.typeInvalid, 'Invalid DNS record type.');
  const name = recordName(input.name, zone);
  if (name === undefined) throw refusal(400, refusalCode.nameInvalid, 'DNS name is invalid.');
  const proxied = input.proxied ?? false;
  if (proxied && !addressTypes.has(type))
    throw refusal(400, refusalCode.cannotBeProxied, 'Invalid proxied mode. Record cannot be proxied.');
  const data = dataTypes.has(type) ? (input.data ?? null) : null;
  return {
    type,
    name,
    content: checkContent(type, name, data === null ? input.content : contentOfData(type, data)),
    // A proxied record's TTL is always automatic.
    ttl: proxied ? automaticTtl : checkTtl(input.ttl ?? automaticTtl),
    proxied,
    comment: checkComment(input.comment ?? '', limits),
    tags: checkTags(input.tags ?? [], limits),
    priority: checkPriority(type, input.priority ?? numberIn(data, 'priority')),
    data,
    settings: input.settings ?? {},
  };
}

/** Why `fields` cannot stand beside the other records of the same name, or undefined when it can. */
export function conflictWith(
  fields: RecordFields,
  zone: string,
  others: readonly RecordFields[],
): RefusedError | undefined {
  if (fields.type === 'CNAME' && others.some((other) => addressTypes.has(other.type)))
    return refusal(
      400,
      refusalCode.addressExists,
      `An A, AAAA, or CNAME record with that host already exists. ${helpAboutNames}`,
    );
  if (addressTypes.has(fields.type) && others.some((other) => other.type === 'CNAME'))
    return refusal(400, refusalCode.cnameExists, `A CNAME record with that host already exists. ${helpAboutNames}`);
  // Below the apex, NS records delegate the name away, so nothing else can be there.
  const isDelegation = fields.type === 'NS';
  if (fields.name !== zone && others.some((other) => (other.type === 'NS') !== isDelegation))
    return refusal(400, refusalCode.nameServersExist, `NS records with that host already exist. ${helpAboutNames}`);
  if (others.some((other) => isIdentical(other, fields)))
    return refusal(400, refusalCode.identicalExists, 'An identical record already exists.');
  return undefined;
}

function isIdentical(a: RecordFields, b: RecordFields): boolean {
  return a.type === b.type && a.content === b.content && a.priority === b.priority;
}

function checkContent(type: string, name: string, content: string | undefined): string {
  const value = content?.trim() ?? '';
  if (value.length > maxContentLength)
    throw refusal(400, refusalCode.contentOther, `Content for ${type} record is too long.`);
  if (type === 'A') {
    if (isIPv4(value)) return value;
    throw refusal(400, refusalCode.contentA, 'Content for A record must be a valid IPv4 address.');
  }
  if (type === 'AAAA') {
    if (isIPv6(value) && !value.includes('%')) return value.toLowerCase();
    throw refusal(400, refusalCode.contentAaaa, 'Content for AAAA record must be a valid IPv6 address.');
  }
  if (type === 'CNAME') return checkTarget(name, value);
  if (type === 'MX' || type === 'NS' || type === 'PTR') {
    const host = normalizeName(value, { wildcard: false });
    if (host !== undefined) return host;
  } else if (value !== '') return value;
  throw refusal(400, refusalCode.contentOther, `Content for ${type} record is invalid.`);
}

function checkTarget(name: string, value: string): string {
  const target = normalizeName(value, { wildcard: false });
  if (target === undefined || isIPv4(target))
    throw refusal(400, refusalCode.contentCname, 'Content for CNAME record is invalid.');
  if (target === name) throw refusal(400, refusalCode.cnameToItself, 'CNAME content cannot reference itself.');
  return target;
}

function checkTtl(ttl: number): number {
  if (ttl === automaticTtl || (Number.isInteger(ttl) && ttl >= minTtl && ttl <= maxTtl)) return ttl;
  throw refusal(
    400,
    refusalCode.ttlInvalid,
    `Invalid TTL. Must be between ${minTtl} and ${maxTtl} seconds, or ${automaticTtl} for Automatic.`,
  );
}

function checkComment(comment: string, limits: RecordLimits): string | null {
  if (comment === '') return null;
  if ([...comment].length > limits.commentLength)
    throw refusal(
      400,
      refusalCode.commentTooLong,
      `DNS record comment exceeds the maximum length of ${limits.commentLength} characters.`,
    );
  return comment;
}

function checkTags(tags: readonly string[], limits: RecordLimits): readonly string[] {
  if (tags.length > limits.tags)
    throw refusal(
      400,
      refusalCode.tooManyTags,
      `DNS record has ${tags.length} tags, exceeding the quota of ${limits.tags}.`,
    );
  if (!tags.every((tag) => tagPattern.test(tag)))
    throw refusal(400, refusalCode.tagInvalid, 'DNS record tag is invalid: expected <name>:<value>.');
  return [...new Set(tags)];
}

function checkPriority(type: string, priority: number | undefined): number | null {
  if (type !== 'MX' && type !== 'URI' && type !== 'SRV') return null;
  if (priority !== undefined && Number.isInteger(priority) && priority >= 0 && priority <= 65_535) return priority;
  throw refusal(400, refusalCode.contentOther, `A priority between 0 and 65535 is required for ${type} records.`);
}

function contentOfData(type: string, data: Readonly<Record<string, unknown>>): string {
  const value = (key: string) => scalar(data[key]);
  if (type === 'SRV') return `${value('weight')} ${value('port')} ${value('target')}`;
  if (type === 'CAA') return `${value('flags')} ${value('tag')} "${value('value')}"`;
  if (type === 'URI') return `${value('weight')} "${value('target')}"`;
  return Object.keys(data).map(value).join(' ');
}

function scalar(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw refusal(400, refusalCode.contentOther, 'Record data is incomplete: every field must be text or a number.');
}

function numberIn(data: Readonly<Record<string, unknown>> | null, key: string): number | undefined {
  const value = data?.[key];
  return typeof value === 'number' ? value : undefined;
}
