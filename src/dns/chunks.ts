// Changes cut into batches of one zone each, a change never apart from its mark. Pure.
import type { RecordBatch } from '../cloudflare/dns.ts';
import type { Change } from '../model.ts';
import { type Operations, operationsOf } from './operations.ts';
import type { ZoneRecord } from './zone-names.ts';

/** Some changes of one zone that go out in one call. */
export interface Chunk {
  readonly zone: string;
  readonly changes: readonly Change<ZoneRecord>[];
}

/** The changes by zone, each zone's cut so that a chunk has at most `size` operations, or one change. */
export function chunksOf(changes: readonly Change<ZoneRecord>[], size: number, owner: string): readonly Chunk[] {
  return [...Map.groupBy(changes, zoneOf)].flatMap(([zone, group]) =>
    cut(group, size, (change) => sizeOf(operationsOf(change, owner))).map((part) => ({ zone, changes: part })),
  );
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
export function zoneOf(change: Change<ZoneRecord>): string {
  return change.action === 'delete' ? change.current.zone : change.desired.zone;
}

/** The chunk as the API takes it. */
export function toBatch(chunk: Chunk, owner: string): RecordBatch {
  const all = chunk.changes.map((change) => operationsOf(change, owner));
  return {
    deletes: all.flatMap(({ deletes = [] }) => deletes.map((id) => ({ id }))),
    patches: all.flatMap(({ patches = [] }) => patches),
    posts: all.flatMap(({ posts = [] }) => posts),
  };
}

function cut<T>(items: readonly T[], size: number, weigh: (item: T) => number): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let room = 0;
  for (const item of items) {
    const weight = weigh(item);
    if (parts.length === 0 || weight > room) {
      parts.push([]);
      room = size;
    }
    parts.at(-1)?.push(item);
    room -= weight;
  }
  return parts;
}

function sizeOf({ deletes = [], patches = [], posts = [] }: Operations): number {
  return deletes.length + patches.length + posts.length;
}
