// What a row of the bench is: a name, what it measures, and a function that measures it.
import type { InteropBinary } from '../interop/binary.ts';
import type { Figure } from './figures.ts';

/** One row of the budget. */
export interface BenchRow {
  /** What `--only` takes. */
  readonly name: string;
  readonly title: string;
  /** Everything it starts is gone when it resolves. */
  run(context: BenchContext): Promise<RowResult>;
}

/** What a row found out. */
export interface RowResult {
  readonly figures: readonly Figure[];
  /** How it was measured, where that is not plain from the title. */
  readonly notes?: readonly string[];
  readonly missing?: readonly Missing[];
}

/** Something that could not be measured here. */
export interface Missing {
  readonly what: string;
  readonly reason: string;
}

/** What rows may ask for. */
export interface BenchContext {
  /** The other program, or why there is none. */
  readonly cloudflared: InteropBinary;
  /** A real engine's address, started at the first call, or why there is none. */
  engine(): Promise<{ readonly endpoint: string } | { readonly reason: string }>;
}

/** A row's name and title with what it found out, or why it found out nothing. */
export interface RowReport extends RowResult {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
}
