// Durations as people write them. Pure.
import { ValidationError } from '../errors.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `1h30m` or a number of seconds; throws ValidationError on anything else. */
export function durationMs(value: string | number, where: string): number {
  if (typeof value === 'number') return value * 1_000;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== value) {
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: `"${value.slice(0, 40)}" is not a duration`,
      where,
      hint: 'write it like 30s, 10m or 1h30m',
    });
  }
  return parts.reduce((total, part) => total + Number(part[1]) * (unitMs[part[2] ?? ''] ?? 0), 0);
}
