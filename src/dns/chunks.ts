// Changes cut into batches of one zone each. Pure.
import type { RecordBatch } from '../cloudflare/dns.ts';
import type { Change, DnsRecord } from '../model.ts';
import { toApi } from './records.ts';

/** Some changes of one zone that go out in one call. */
export interface Chunk {
  readonly zone: string;
  readonly changes: readonly Change<DnsRecord>[];
}

/** The changes by zone, each zone's cut at `size`. */
export function chunksOf(changes: readonly Change<DnsRecord>[], size: number): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (const [zone, group] of Map.groupBy(changes, zoneOf)) {
    for (let at = 0; at < group.length; at += size) chunks.push({ zone, changes: group.slice(at, at + size) });
  }
  return chunks;
}

/** The two halves of a chunk, to find the change that spoils it. */
export function halves(chunk: Chunk): readonly Chunk[] {
  const middle = Math.ceil(chunk.changes.length / 2);
  return [
    { zone: chunk.zone, changes: chunk.changes.slice(0, middle) },
    { zone: chunk.zone, changes: chunk.changes.slice(middle) },
  ];
}

/** The zone a change is in. */
export function zoneOf(change: Change<DnsRecord>): string {
  return change.action === 'delete' ? change.current.zone : change.desired.zone;
}

/** The chunk as the API takes it. A change of a record that has no owner or id cannot be expressed and is left out. */
export function toBatch(chunk: Chunk): RecordBatch {
  const batch = {
    deletes: [] as { id: string }[],
    patches: [] as RecordBatch['patches'][number][],
    posts: [] as RecordBatch['posts'][number][],
  };
  for (const change of chunk.changes) {
    const id = change.action === 'create' ? undefined : change.current.id;
    if (change.action === 'delete') {
      if (id !== undefined) batch.deletes.push({ id });
      continue;
    }
    const { owner } = change.desired;
    if (owner === undefined) continue;
    const fields = toApi({ ...change.desired, owner });
    if (change.action === 'create') batch.posts.push(fields);
    else if (id !== undefined) batch.patches.push({ ...fields, id });
  }
  return batch;
}
