// Numbers a bench row is made of: percentiles, medians of ratios, and how they are written. Pure.

/** One measured number, and what it should be. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  readonly target?: Target;
}

/** What a number counts. */
export type Unit = 'ms' | 'ns' | 'MB' | 'MB/s' | 'requests/s' | 'ms CPU/request' | '×' | '';

/** The budget's bound. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** The smallest sample that at least `share` (0 to 1) of all samples do not exceed; NaN when there are none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.min(Math.max(rank, 0), sorted.length - 1)] ?? Number.NaN;
}

/** The middle sample, or the mean of the two in the middle; NaN when there are none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const above = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (above + (sorted[middle - 1] ?? Number.NaN)) / 2 : above;
}

/** The median of `a/b` over pairs measured next to each other, so that a slow moment of the machine weighs on both. */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, index) => value / (b[index] ?? Number.NaN)));
}

/** Undefined without a target; a number that is none misses every target. */
export function meetsTarget({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

/** `12.3 ms`, `1.31×`, `0`. */
export function formatFigure(value: number, unit: Unit): string {
  if (unit === '×') return `${value.toFixed(2)}×`;
  const text = formatNumber(value);
  return unit === '' ? text : `${text} ${unit}`;
}

/** `≤ 150 ms`, or nothing. */
export function formatTarget({ target, unit }: Figure): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `≤ ${formatFigure(target.atMost, unit)}` : `≥ ${formatFigure(target.atLeast, unit)}`;
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
