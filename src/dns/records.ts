// From the API's records to ours and to the plan. Pure.
import type { ApiRecord, RecordFields } from '../cloudflare/dns.ts';
import type { DnsRecord, Plan, ServiceId } from '../model.ts';
import { type DiffRules, diff } from '../plan/diff.ts';
import { formatMark, isSameMark, parseMark } from './ownership.ts';

/** Types that cannot share a name with a CNAME. */
const blocking = new Set(['A', 'AAAA', 'CNAME', 'NS']);

/** A record with the service of a hand-made or foreign one: there is none. */
const nobody: ServiceId = 'dns/record';

/** The API's record as ours, its owner read from the comment. */
export function fromApi(record: ApiRecord, zone: string): DnsRecord {
  const owner = parseMark(record.comment);
  return {
    id: record.id,
    zone,
    name: canonicalName(record.name),
    type: record.type,
    content: record.content ?? '',
    proxied: record.proxied ?? false,
    ...(owner === undefined ? {} : { owner }),
  };
}

/** What we write for a record; throws ValidationError when it has no owner to mark it with. */
export function toApi(record: DnsRecord & { readonly owner: NonNullable<DnsRecord['owner']> }): RecordFields {
  return {
    name: record.name,
    type: 'CNAME',
    content: record.content,
    proxied: record.proxied,
    comment: formatMark(record.owner),
  };
}

/** Lower case, no trailing dot: how names are compared. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The plan for records: `current` are all records of the zones concerned, `owner` is our id. */
export function planRecords(
  current: readonly DnsRecord[],
  desired: readonly DnsRecord[],
  owner: string,
): Plan<DnsRecord> {
  return diff(current.filter((record) => blocking.has(record.type)).sort(foreignLast(owner)), desired, rulesFor(owner));
}

/** Ours: marked with our id, and still of the type we make. One whose type was changed by hand has become somebody's. */
export function isOurs(record: DnsRecord, owner: string): boolean {
  return record.owner?.id === owner && record.type === 'CNAME';
}

/** Whether a record is still as it was when it was planned for. */
export function isUnchanged(found: DnsRecord | undefined, planned: DnsRecord): boolean {
  return found !== undefined && found.name === planned.name && differences(found, planned).length === 0;
}

/** Whether a record is what we want of it, whoever made it so. */
export function isAsDesired(found: DnsRecord, desired: DnsRecord): boolean {
  return found.name === canonicalName(desired.name) && differences(found, desired).length === 0;
}

function rulesFor(owner: string): DiffRules<DnsRecord> {
  return {
    target: 'dns',
    key: (record) => `${record.zone} ${canonicalName(record.name)}`,
    service: (record) => record.owner?.resource ?? nobody,
    differences,
    foreign: (record) => (isOurs(record, owner) ? undefined : foreignReason(record, owner)),
  };
}

function differences(current: DnsRecord, desired: DnsRecord): readonly string[] {
  const fields: string[] = [];
  if (current.type !== desired.type) fields.push('type');
  if (canonicalName(current.content) !== canonicalName(desired.content)) fields.push('content');
  if (current.proxied !== desired.proxied) fields.push('proxied');
  if (!isSameMark(current.owner, desired.owner)) fields.push('owner');
  return fields;
}

function foreignReason(record: DnsRecord, owner: string): string {
  const what = `a ${record.type} record for ${record.name} exists`;
  if (record.owner === undefined) {
    return `${what} and is not ours: delete it, choose another hostname, or adopt it by giving it the comment "sallyport owner=${owner} resource=…/…"`;
  }
  if (record.owner.id !== owner) return `${what} and belongs to the instance "${record.owner.id}"`;
  return `${what} where ours was, changed by hand: delete it to have ours made again`;
}

/** Of several records with one name a foreign one decides: the diff keeps the last. */
function foreignLast(owner: string): (a: DnsRecord, b: DnsRecord) => number {
  return (a, b) => Number(!isOurs(a, owner)) - Number(!isOurs(b, owner));
}
