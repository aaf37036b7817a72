// Several tools' readings of one container as one, and that one under our own labels, which win field by field. Pure.
import type { ServiceHints } from '../../model.ts';
import type { HintsDraft, ParsedLabels } from '../docker-labels.ts';
import { mergeOrigin } from '../origin-options.ts';
import type { DialectName, ForeignEntry, Note, Reading } from './dialect.ts';

/** One allowed tool's reading. */
export interface NamedReading {
  readonly dialect: DialectName;
  readonly reading: Reading;
}

/** What all allowed tools come to. */
export interface Merged {
  readonly entries: readonly ForeignEntry[];
  readonly gaps: ServiceHints;
  /** The tool whose word counts says that the container is not to be published. */
  readonly isOff: boolean;
  readonly notes: readonly Note[];
}

/** The first tool that says anything decides; others fill gaps and add guards, and where they say otherwise, that is said. */
export function mergeReadings(readings: readonly NamedReading[]): Merged {
  const speaking = readings.filter(({ reading }) => reading.entries.length > 0 || reading.off !== undefined);
  const [first, ...others] = speaking;
  const silent = readings.filter((one) => !speaking.includes(one));
  const gaps = readings.reduce<ServiceHints>((known, { reading }) => fill(known, reading.gaps), {});
  const notes = [...(first?.reading.notes ?? []), ...silent.flatMap(({ reading }) => reading.notes)];
  if (first === undefined) return { entries: [], gaps, isOff: false, notes };
  const agreed = first.reading.entries.map((entry) => ({ ...entry, hints: agree(entry, others) }));
  const entries = agreed.map((entry) => ({ ...entry, hints: fill(entry.hints, gaps) }));
  const isOff = first.reading.off !== undefined;
  return { entries, gaps, isOff, notes: [...notes, ...others.flatMap((other) => disagreements(first, other))] };
}

/** Fields that complete an entry without making it another one. */
function fill(hints: ServiceHints, gaps: ServiceHints): ServiceHints {
  const result: HintsDraft = { ...hints };
  const isPlaced = hints.port !== undefined || hints.service !== undefined;
  if (!isPlaced && gaps.port !== undefined) result.port = gaps.port;
  if (hints.protocol === undefined && result.port === gaps.port && gaps.protocol !== undefined && !isPlaced)
    result.protocol = gaps.protocol;
  if (hints.hostname === undefined && gaps.hostname !== undefined) result.hostname = gaps.hostname;
  if (hints.network === undefined && gaps.network !== undefined) result.network = gaps.network;
  return guarded(result, gaps.guarded);
}

/** Whatever one tool guards is guarded, even where another one decides. */
function guarded(hints: HintsDraft, guard: string | undefined): ServiceHints {
  if (guard === undefined || hints.guarded !== undefined) return hints;
  const { access: _access, ...rest } = hints;
  return { ...rest, guarded: guard };
}

function agree(entry: ForeignEntry, others: readonly NamedReading[]): ServiceHints {
  const same = others.flatMap(({ reading }) => reading.entries).filter((other) => placeOf(other) === placeOf(entry));
  return same.reduce<ServiceHints>((hints, other) => fill(hints, other.hints), entry.hints);
}

/** The labels of a later tool that say something else than the first one's. */
function disagreements(first: NamedReading, other: NamedReading): readonly Note[] {
  const why = `${first.dialect} says otherwise and comes first in labels.dialects`;
  const { entries, off } = other.reading;
  if (off !== undefined) return first.reading.off === undefined ? [{ label: off, why }] : [];
  const known = new Map(first.reading.entries.map((entry) => [placeOf(entry), entry.hints]));
  const labels = entries.filter((entry) => !isSame(known.get(placeOf(entry)), entry.hints)).map(({ from }) => from);
  return [...new Set(labels)].map((label) => ({ label, why }));
}

/** The same entry, and nothing that leads elsewhere. */
function isSame(known: ServiceHints | undefined, other: ServiceHints): boolean {
  if (known === undefined) return false;
  return (['port', 'protocol', 'service'] as const).every(
    (field) => known[field] === undefined || other[field] === undefined || known[field] === other[field],
  );
}

function placeOf({ hints }: { readonly hints: ServiceHints }): string {
  return `${hints.hostname ?? ''} ${hints.path ?? ''}`;
}

/** Our own labels over what the tools say. */
export function withOwnLabels(own: ParsedLabels, merged: Merged): Pick<ParsedLabels, 'hints' | 'entries'> {
  const named = own.entries ?? {};
  if (merged.entries.length === 0) {
    const isSilent = [own.hints, ...Object.values(named)].every((hints) => hints.enable === undefined);
    const hints = over(merged.gaps, own.hints);
    return { ...own, hints: merged.isOff && isSilent ? { ...hints, enable: false } : hints };
  }
  const entries = distinct(
    merged.entries.map(({ name, hints, from }) => {
      const base = over(hints, own.hints);
      return { name, from, hints: Object.hasOwn(named, name) ? over(base, named[name] ?? {}) : base };
    }),
  );
  const [only, second] = entries;
  if (only !== undefined && second === undefined && Object.keys(named).length === 0) return { hints: only.hints };
  const { hostname: _h, path: _p, port: _o, protocol: _r, service: _s, ...rest } = own.hints;
  const taken = Object.fromEntries(entries.map(({ name, hints }) => [name, hints]));
  return { hints: { ...rest, enable: true }, entries: { ...named, ...taken } };
}

/** Field by field; what says where an origin is goes together, and a policy of ours stands in for a guard. */
function over(under: ServiceHints, own: ServiceHints): ServiceHints {
  const result: HintsDraft = { ...under, ...own };
  const originRequest = mergeOrigin(under.originRequest, own.originRequest);
  if (originRequest !== undefined) result.originRequest = originRequest;
  if (own.service !== undefined) {
    if (own.port === undefined) delete result.port;
    if (own.protocol === undefined) delete result.protocol;
  } else if (own.port !== undefined || own.protocol !== undefined) delete result.service;
  if (own.access !== undefined) delete result.guarded;
  return result;
}

/** A name of ours over several of theirs makes them one; it is guarded if any of them is. */
function distinct(entries: readonly ForeignEntry[]): readonly ForeignEntry[] {
  const result = new Map<string, ForeignEntry>();
  for (const entry of entries) {
    const place = placeOf(entry);
    const known = result.get(place);
    result.set(
      place,
      known === undefined ? entry : { ...known, hints: guarded({ ...known.hints }, entry.hints.guarded) },
    );
  }
  return [...result.values()];
}
