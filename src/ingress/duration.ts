// Durations as cloudflared's YAML has them: Go's "1m30s". Everywhere else in this program they are seconds. Pure.

const secondsPer: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** The largest duration Go can hold, in seconds. */
const maxSeconds = 2 ** 63 / 1e9;

/** Seconds in a Go duration such as "1.5s", "-5s" or "1h30m"; undefined where Go's time.ParseDuration refuses it. */
export function parseGoDuration(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0;
  const part = /([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0;
  let at = 0;
  while (at < body.length) {
    part.lastIndex = at;
    const found = part.exec(body);
    if (found === null) return undefined;
    total += Number(found[1]) * (secondsPer[found[2] ?? ''] ?? 0);
    at = part.lastIndex;
  }
  if (at === 0 || total > maxSeconds) return undefined;
  return total === 0 ? 0 : sign * total;
}

/** Seconds as a Go duration, exact to the nanosecond: 90 → "90s", 1.5 → "1.5s". */
export function formatGoDuration(seconds: number): string {
  if (Number.isInteger(seconds)) return `${seconds}s`;
  return `${seconds.toFixed(9).replace(/0+$/, '').replace(/\.$/, '')}s`;
}
