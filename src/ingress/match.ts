// Which rule serves a request: the first that matches, found by looking hosts up instead of walking the rules. Pure.
import { splitHostPort } from './go-text.ts';
import type { CheckedRule } from './validate.ts';

/** The matching rule and its place in the list, counted from 0. */
export interface Match {
  readonly index: number;
  readonly rule: CheckedRule;
}

/**
 * The rule for a request. `hostname` may carry a port and is compared byte for byte; `path` is the decoded path without the
 * query (`requestPath`).
 */
export type Matcher = (hostname: string, path: string) => Match;

/** The places of rules, ascending, that one host key leads to. */
type Bucket = number[];

interface HostIndex {
  readonly exact: ReadonlyMap<string, Bucket>;
  /** By suffix with its dot: `.example.com`. */
  readonly wildcard: ReadonlyMap<string, Bucket>;
  /** Most dots in any suffix: a request host with a million dots costs no more than the rules are deep. */
  readonly wildcardDepth: number;
  readonly everyHost: Bucket;
}

/**
 * Builds the matcher. One host's rules are reached through at most three kinds of bucket (its name, its suffixes, rules for every
 * host); the lowest matching place wins, so order means what it means in cloudflared. `rules` must end with a catch-all.
 */
export function compileMatcher(rules: readonly CheckedRule[]): Matcher {
  const index = indexHosts(rules);
  const last = rules.length - 1;
  return (hostname, path) => {
    const host = splitHostPort(hostname)?.host ?? hostname;
    let best = firstMatching(index.exact.get(host), rules, path, last);
    for (const bucket of wildcardBuckets(index, host)) best = firstMatching(bucket, rules, path, best);
    best = firstMatching(index.everyHost, rules, path, best);
    const rule = rules[best];
    if (rule === undefined) throw new RangeError('a matcher needs at least one rule');
    return { index: best, rule };
  };
}

/** The decoded path of a request target ("/a%2Fb?q" → "/a/b"), as path patterns see it; a broken escape stays as it is. */
export function requestPath(target: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // Not UTF-8, or a broken escape: decode what can be decoded, byte by byte.
    const bytes = Buffer.from(path, 'utf8').toString('latin1');
    const decoded = bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(decoded, 'latin1').toString('utf8');
  }
}

/** The first place below `limit` whose path pattern fits, else `limit`. */
function firstMatching(bucket: Bucket | undefined, rules: readonly CheckedRule[], path: string, limit: number): number {
  if (bucket === undefined) return limit;
  for (const place of bucket) {
    if (place >= limit) return limit;
    const pattern = rules[place]?.pattern;
    if (pattern === undefined || pattern.matches(path)) return place;
  }
  return limit;
}

function* wildcardBuckets(index: HostIndex, host: string): Generator<Bucket> {
  let dot = host.length;
  for (let depth = 0; depth < index.wildcardDepth; depth++) {
    dot = dot === 0 ? -1 : host.lastIndexOf('.', dot - 1);
    if (dot === -1) return;
    const bucket = index.wildcard.get(host.slice(dot));
    if (bucket !== undefined) yield bucket;
  }
}

function indexHosts(rules: readonly CheckedRule[]): HostIndex {
  const exact = new Map<string, Bucket>();
  const wildcard = new Map<string, Bucket>();
  const everyHost: Bucket = [];
  let wildcardDepth = 0;
  for (const [place, rule] of rules.entries()) {
    if (rule.hostname === '') {
      everyHost.push(place);
      continue;
    }
    if (rule.hostname.startsWith('*.')) {
      const suffix = rule.hostname.slice(1);
      wildcardDepth = Math.max(wildcardDepth, suffix.split('.').length - 1);
      add(wildcard, suffix, place);
    } else {
      add(exact, rule.hostname, place);
    }
    if (rule.asciiHostname !== undefined) add(exact, rule.asciiHostname, place);
  }
  return { exact, wildcard, wildcardDepth, everyHost };
}

function add(buckets: Map<string, Bucket>, key: string, place: number): void {
  const bucket = buckets.get(key);
  if (bucket === undefined) buckets.set(key, [place]);
  else bucket.push(place);
}
