// Which rule serves a request: the first that matches, found by looking hosts up instead of walking the rules. Pure.
import { splitHostPort } from './go-text.ts';
import type { PathPattern } from './path-pattern.ts';
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

/** Rules one host key leads to, in order; `place` is where they stand in the whole list. */
interface Candidate {
  readonly place: number;
  readonly pattern: PathPattern | undefined;
}
type Bucket = Candidate[];

interface HostIndex {
  readonly exact: ReadonlyMap<string, Bucket>;
  /** By suffix with its dot: `.example.com`. */
  readonly wildcard: ReadonlyMap<string, Bucket>;
  /** Whether any suffix has that many dots; its length bounds the search, however many dots a request's host has. */
  readonly wildcardDepths: readonly boolean[];
  readonly firstWildcard: number;
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
    const exact = firstMatching(index.exact.get(host), path, last);
    const wild = index.firstWildcard < exact ? firstWildcardMatch(index, host, path, exact) : exact;
    const best = firstMatching(index.everyHost, path, wild);
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
function firstMatching(bucket: Bucket | undefined, path: string, limit: number): number {
  if (bucket === undefined) return limit;
  for (const { place, pattern } of bucket) {
    if (place >= limit) return limit;
    if (pattern === undefined || pattern.matches(path)) return place;
  }
  return limit;
}

function firstWildcardMatch(index: HostIndex, host: string, path: string, limit: number): number {
  let best = limit;
  let dot = host.length;
  for (let depth = 1; depth < index.wildcardDepths.length && dot > 0; depth++) {
    dot = host.lastIndexOf('.', dot - 1);
    if (dot === -1) break;
    if (index.wildcardDepths[depth] === true) best = firstMatching(index.wildcard.get(host.slice(dot)), path, best);
  }
  return best;
}

function indexHosts(rules: readonly CheckedRule[]): HostIndex {
  const exact = new Map<string, Bucket>();
  const wildcard = new Map<string, Bucket>();
  const everyHost: Bucket = [];
  const wildcardDepths: boolean[] = [];
  let firstWildcard = rules.length;
  for (const [place, { hostname, asciiHostname, pattern }] of rules.entries()) {
    const candidate = { place, pattern };
    if (hostname === '') {
      everyHost.push(candidate);
    } else if (hostname.startsWith('*.')) {
      const suffix = hostname.slice(1);
      wildcardDepths[suffix.split('.').length - 1] = true;
      firstWildcard = Math.min(firstWildcard, place);
      add(wildcard, suffix, candidate);
    } else {
      add(exact, hostname, candidate);
    }
    if (asciiHostname !== undefined) add(exact, asciiHostname, candidate);
  }
  return { exact, wildcard, wildcardDepths: Array.from(wildcardDepths, Boolean), firstWildcard, everyHost };
}

function add(buckets: Map<string, Bucket>, key: string, candidate: Candidate): void {
  const bucket = buckets.get(key);
  if (bucket === undefined) buckets.set(key, [candidate]);
  else bucket.push(candidate);
}
