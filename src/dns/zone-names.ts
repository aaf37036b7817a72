// From the API's records of a zone to what is known of every name in it: what is there, and what says whose it is. Pure.
import type { ApiRecord } from '../cloudflare/dns.ts';
import type { DnsRecord, Owner } from '../model.ts';
import { canonicalName, fromApi } from './records.ts';
import { parseRegistryMark, type RegistryMark } from './txt-registry.ts';

/** Where an ownership mark is kept: in the record's comment, or in a TXT record beside it. */
export type MarkForm = 'comment' | 'txt';

/** A TXT record of the registry. */
export interface RegistryRecord {
  readonly id: string;
  readonly name: string;
  readonly content: string;
}

/** A record of a zone with what belongs to it. */
export interface ZoneRecord extends DnsRecord {
  /** In seconds; 1 is automatic. */
  readonly ttl?: number;
  readonly comment?: string;
  /** Of a record that exists: the TXT records that say whose it is. Of one to be made: those whose place its own takes. */
  readonly registry?: readonly RegistryRecord[];
  /** Of a record to be made or changed: where its mark goes. */
  readonly mark?: MarkForm;
  /** Of a record to be made or changed: what goes to make room for it. */
  readonly replaces?: readonly { readonly id: string; readonly type: string; readonly content: string }[];
}

/** A registry record and what it says. */
export interface Claim extends RegistryRecord {
  readonly mark: RegistryMark;
}

/** A record as found. */
export type FoundRecord = ZoneRecord & { readonly id: string };

/** Everything about one name. */
export interface ZoneName {
  readonly zone: string;
  readonly name: string;
  /** Records that exclude a CNAME of the same name. */
  readonly records: readonly FoundRecord[];
  /** Registry records about a CNAME of this name. */
  readonly registry: readonly Claim[];
  /** Registry records about an address record of this name, or about one of any type. */
  readonly claims: readonly Claim[];
}

/** What is known of some zones. */
export interface ZoneNames {
  /** By `nameKey`; a name with nothing that concerns us is missing. */
  readonly names: ReadonlyMap<string, ZoneName>;
  /** Where there are TXT records that are none of a registry, by `nameKey`. */
  readonly otherTexts: ReadonlySet<string>;
}

/** Types that cannot share a name with a CNAME. */
const blocking = new Set(['A', 'AAAA', 'CNAME', 'NS']);
const addresses: readonly (string | undefined)[] = ['A', 'AAAA', undefined];

/** A name in its zone, as a key. */
export function nameKey({ zone, name }: { readonly zone: string; readonly name: string }): string {
  return `${zone} ${canonicalName(name)}`;
}

/** What is known of one zone, from all of its records; `owner` is our id. */
export function readNames(records: readonly ApiRecord[], zone: string, owner: string): ZoneNames {
  const texts = records.filter((record) => record.type === 'TXT');
  const claims = texts.flatMap(claimOf);
  const registered = new Set(claims.map((claim) => claim.id));
  const about = Map.groupBy(claims, (claim) => claim.mark.hostname);
  const found = Map.groupBy(
    // At the apex NS records are the zone's own and delegate nothing.
    records.filter(({ type, name }) => blocking.has(type) && (type !== 'NS' || canonicalName(name) !== zone)),
    (record) => canonicalName(record.name),
  );
  const names = [...new Set([...found.keys(), ...about.keys()])].map((name): ZoneName => {
    const registry = (about.get(name) ?? []).filter((claim) => claim.mark.type === 'CNAME');
    const others = (about.get(name) ?? []).filter((claim) => addresses.includes(claim.mark.type));
    const here = (found.get(name) ?? []).map((record) => foundRecord(record, zone, registry, owner));
    return { zone, name, records: here, registry, claims: others };
  });
  return {
    names: new Map(names.map((name) => [nameKey(name), name])),
    otherTexts: new Set(texts.filter(({ id }) => !registered.has(id)).map(({ name }) => nameKey({ zone, name }))),
  };
}

/** Several zones as one. */
export function joinNames(zones: readonly ZoneNames[]): ZoneNames {
  return {
    names: new Map(zones.flatMap((zone) => [...zone.names])),
    otherTexts: new Set(zones.flatMap((zone) => [...zone.otherTexts])),
  };
}

/** The TXT record of a claim. */
export function textOf({ id, name, content }: Claim): RegistryRecord {
  return { id, name, content };
}

/** The TXT record of a claim as a record by itself. */
export function claimRecord(zone: string, claim: Claim): FoundRecord {
  return { ...textOf(claim), zone, type: 'TXT', proxied: false, owner: claim.mark.owner };
}

function claimOf({ id, name, content = '' }: ApiRecord): readonly Claim[] {
  const mark = parseRegistryMark(canonicalName(name), content);
  return mark === undefined ? [] : [{ id, name: canonicalName(name), content, mark }];
}

function foundRecord(record: ApiRecord, zone: string, registry: readonly Claim[], us: string): FoundRecord {
  const { owner: commented, ...plain } = fromApi(record, zone);
  const about = record.type === 'CNAME' ? registry : [];
  const owner = ownerOf(commented, about, us);
  return {
    ...plain,
    ...(record.ttl === undefined ? {} : { ttl: record.ttl }),
    ...(record.comment ? { comment: record.comment } : {}),
    ...(about.length === 0 ? {} : { registry: about.map(textOf) }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Where the marks contradict each other, somebody else has it: another's registry record first, then another's comment. */
function ownerOf(comment: Owner | undefined, registry: readonly Claim[], us: string): Owner | undefined {
  const theirs = registry.find((claim) => claim.mark.owner.id !== us);
  return theirs?.mark.owner ?? comment ?? registry[0]?.mark.owner;
}
