// What one change is at the API: the record, its mark in either form, and what makes room for both. Pure.
import type { RecordFields, RecordPatch } from '../cloudflare/dns.ts';
import type { Change, Owner } from '../model.ts';
import { formatMark, parseMark } from './ownership.ts';
import { formatRegistryMark, isRegistryMark, registryName } from './txt-registry.ts';
import type { ZoneRecord } from './zone-names.ts';

/** Some of one batch. */
export interface Operations {
  readonly deletes?: readonly string[];
  readonly patches?: readonly RecordPatch[];
  readonly posts?: readonly RecordFields[];
}

/** The operations of a change; `owner` is our id. A record without an id cannot be changed, and one without an owner is not made. */
export function operationsOf(change: Change<ZoneRecord>, owner: string): Operations {
  if (change.action === 'delete')
    return change.onlyMark === true ? unmark(change.current, owner) : remove(change.current);
  if (change.desired.owner === undefined) return change.action === 'create' ? {} : unmark(change.current, owner);
  const mark = { ...change.desired, owner: change.desired.owner };
  return join(
    change.action === 'create' ? { posts: [madeRecord(mark)] } : updated(change.current, mark),
    registered(mark),
  );
}

type MarkedRecord = ZoneRecord & { readonly owner: Owner };

function remove({ id, registry = [] }: ZoneRecord): Operations {
  return id === undefined ? {} : { deletes: [id, ...registry.map((text) => text.id)] };
}

/** Only our own mark: everything else about the record stays as it is. */
function unmark({ id, type, name, ttl, comment, registry = [] }: ZoneRecord, owner: string): Operations {
  if (id === undefined) return {};
  if (type === 'TXT') return { deletes: [id] };
  const patch = { id, name, type: 'CNAME', ...(ttl === undefined ? {} : { ttl }), comment: '' } as const;
  return {
    deletes: registry.map((text) => text.id),
    patches: parseMark(comment)?.id === owner ? [patch] : [],
  };
}

function madeRecord({ name, content, proxied, mark, owner }: MarkedRecord): RecordFields {
  const comment = mark === 'txt' ? {} : { comment: formatMark(owner) };
  return { name, type: 'CNAME', content, proxied, ...comment };
}

/** In place where it is a CNAME already; a record of another type makes room in the same batch. */
function updated(current: ZoneRecord, desired: MarkedRecord): Operations {
  const others = (desired.replaces ?? []).map((record) => record.id);
  if (current.id === undefined) return {};
  const made = madeRecord(desired);
  if (current.type !== 'CNAME') return { deletes: [current.id, ...others], posts: [made] };
  // A comment that is no mark is the user's; one that is would say two things.
  const comment = desired.mark === 'txt' && parseMark(current.comment) !== undefined ? { comment: '' } : {};
  return { deletes: others, patches: [{ ...made, ...comment, id: current.id }] };
}

/** Our registry record in place of those that are there; in the form of a comment, none. */
function registered({ mark, name, zone, owner, registry = [] }: MarkedRecord): Operations {
  const text = mark === 'txt' ? registryName(name, zone) : undefined;
  if (text === undefined) return { deletes: registry.map(({ id }) => id) };
  const fields = { name: text, type: 'TXT', content: formatRegistryMark(owner) } as const;
  const kept = registry.find((record) => record.name === text);
  if (kept === undefined) return { deletes: registry.map(({ id }) => id), posts: [fields] };
  return {
    deletes: registry.filter((record) => record !== kept).map(({ id }) => id),
    patches: isRegistryMark(kept.content, owner) ? [] : [{ ...fields, id: kept.id }],
  };
}

function join(one: Operations, other: Operations): Operations {
  return {
    deletes: [...(one.deletes ?? []), ...(other.deletes ?? [])],
    patches: [...(one.patches ?? []), ...(other.patches ?? [])],
    posts: [...(one.posts ?? []), ...(other.posts ?? [])],
  };
}
