// A single record: from the API's to ours, and whose its comment says it is. Pure.
import type { ApiRecord } from '../cloudflare/dns.ts';
import type { DnsRecord } from '../model.ts';
import { parseMark } from './ownership.ts';

/** The API's record as ours, its owner read from the comment alone; `readNames` also knows the TXT registry. */
export function fromApi(record: ApiRecord, zone: string): DnsRecord & { readonly id: string } {
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

/** Lower case, no trailing dot: how names are compared. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Ours: marked with our id, and still of the type we make. One whose type was changed by hand has become somebody's. */
export function isOurs(record: DnsRecord, owner: string): boolean {
  return record.owner?.id === owner && record.type === 'CNAME';
}
