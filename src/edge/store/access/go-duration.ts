// Durations as Access writes them: Go's `24h`, `2h45m`, `300ms`. Pure.
import { accessInvalid } from './refusals.ts';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const partPattern = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g;
// Past this a date can no longer be written.
const maxMs = 1_000 * 365 * 24 * 3_600_000;

/** Milliseconds; RefusedError 12130 naming `field` when the text is no duration. */
export function goDurationMs(value: string, field: string): number {
  const parts = value.length > 64 ? [] : [...value.matchAll(partPattern)];
  const isWhole = parts.length > 0 && parts.map((part) => part[0]).join('') === value;
  const total = parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitMs[unit] ?? 0), 0);
  if (!isWhole || total > maxMs)
    throw accessInvalid(`${field} must be a duration in the format 300ms or 2h45m (units ns, us, ms, s, m, h)`);
  return total;
}

/** The same text, once it is known to be a duration. */
export function checkGoDuration(value: string, field: string): string {
  goDurationMs(value, field);
  return value;
}
