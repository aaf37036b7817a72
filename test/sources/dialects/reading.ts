// What one dialect makes of a container's labels, in the short form the tables of these tests use.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceHints } from '../../../src/model.ts';
import type { Dialect, Reading } from '../../../src/sources/dialects/dialect.ts';
import { ForeignLabels } from '../../../src/sources/dialects/foreign-labels.ts';

/** One label set and what is to come of it. */
export interface DialectCase {
  /** Completes "a container …". */
  readonly about: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Every name the container answers to; default `app`. */
  readonly names?: readonly string[];
  /** Labels may open entries to everyone. */
  readonly mayOpen?: boolean;
  /** The hints of each entry, `enable` left out; default none. */
  readonly entries?: readonly ServiceHints[];
  readonly gaps?: ServiceHints;
  readonly off?: string;
  /** The labels that are noted, in order; default none. */
  readonly notes?: readonly string[];
  /** What one of the notes says. */
  readonly says?: RegExp;
}

/** Reads as the whole source would: the labels the dialect owns, and no others. */
export function readingOf(
  dialect: Dialect,
  labels: Readonly<Record<string, string>>,
  names: readonly string[] = ['app'],
  mayOpen = false,
): Reading {
  const owned = new Map(Object.entries(labels).filter(([key]) => dialect.owns(key)));
  const foreign = new ForeignLabels(owned, names, mayOpen);
  dialect.read(foreign);
  return foreign.finish();
}

/** A test per case. */
export function testDialect(dialect: Dialect, cases: readonly DialectCase[]): void {
  describe(dialect.name, () => {
    for (const one of cases) {
      test(`a container ${one.about}`, () => {
        const reading = readingOf(dialect, one.labels, one.names, one.mayOpen);
        assert.deepEqual(
          reading.entries.map(({ hints: { enable, ...hints } }) => {
            assert.equal(enable, true);
            return hints;
          }),
          one.entries ?? [],
        );
        assert.deepEqual(reading.gaps, one.gaps ?? {});
        assert.equal(reading.off, one.off);
        assert.deepEqual(
          reading.notes.map(({ label }) => label),
          one.notes ?? [],
        );
        if (one.says !== undefined) assert.match(reading.notes.map(({ why }) => why).join('\n'), one.says);
      });
    }
  });
}
