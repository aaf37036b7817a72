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

/** A rule one host key leads to, and the next one. It is the match itself, so that a request touches as little memory as it can. */
interface Candidate extends Match {
  readonly pattern: PathPattern | undefined;
  readonly next: Candidate | undefined;
}

interface HostIndex {
  readonly exact: ReadonlyMap<string, Candidate>;
  /** By suffix with its dot: `.example.com`. */
  readonly wildcard: ReadonlyMap<string, Candidate>;
  /** Whether any suffix has that many dots; its length bounds the search, however many dots a request's host has. */
  readonly wildcardDepths: readonly boolean[];
  readonly firstWildcard: number;
  readonly everyHost: Candidate | undefined;
  /** The catch-all: what is left when nothing else matches. */
  readonly last: Candidate;
}

/**
 * Builds the matcher. One host's rules are reached through at most three kinds of chain (its name, its suffixes, rules for every
 * host); the lowest matching index wins, so order means what it means in cloudflared. `rules` must end with a catch-all.
 */
export function compileMatcher(rules: readonly CheckedRule[]): Matcher {
  const index = indexHosts(rules);
  return (hostname, path) => {
    const host = splitHostPort(hostname)?.host ?? hostname;
    const exact = firstMatching(index.exact.get(host), path, index.last);
    const best = index.firstWildcard < exact.index ? firstWildcardMatch(index, host, path, exact) : exact;
    return firstMatching(index.everyHost, path, best);
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

/** The first of a chain that stands before `best` and whose path pattern fits, else `best`. */
function firstMatching(chain: Candidate | undefined, path: string, best: Candidate): Candidate {
  for (let at = chain; at !== undefined && at.index < best.index; at = at.next)
    if (at.pattern === undefined || at.pattern.matches(path)) return at;
  return best;
}

function firstWildcardMatch(index: HostIndex, host: string, path: string, exact: Candidate): Candidate {
  let best = exact;
  let dot = host.length;
  for (let depth = 1; depth < index.wildcardDepths.length && dot > 0; depth++) {
    dot = host.lastIndexOf('.', dot - 1);
    if (dot === -1) break;
    if (index.wildcardDepths[depth] === true) best = firstMatching(index.wildcard.get(host.slice(dot)), path, best);
  }
  return best;
}

function indexHosts(rules: readonly CheckedRule[]): HostIndex {
  const exact = new Map<string, Candidate>();
  const wildcard = new Map<string, Candidate>();
  const wildcardDepths: boolean[] = [];
  let firstWildcard = rules.length;
  let everyHost: Candidate | undefined;
  let last: Candidate | undefined;
  // From the last rule to the first, so that each chain grows at its head and ends up in order.
  for (const [index, rule] of [...rules.entries()].reverse()) {
    const { hostname, asciiHostname, pattern } = rule;
    const link = (next: Candidate | undefined): Candidate => ({ index, rule, pattern, next });
    if (hostname === '') {
      everyHost = link(everyHost);
    } else if (hostname.startsWith('*.')) {
      const suffix = hostname.slice(1);
      wildcardDepths[suffix.split('.').length - 1] = true;
      firstWildcard = index;
      wildcard.set(suffix, link(wildcard.get(suffix)));
    } else {
      exact.set(hostname, link(exact.get(hostname)));
    }
    if (asciiHostname !== undefined) exact.set(asciiHostname, link(exact.get(asciiHostname)));
    last ??= link(undefined);
  }
  if (last === undefined) throw new RangeError('a matcher needs at least one rule');
  return { exact, wildcard, wildcardDepths: Array.from(wildcardDepths, Boolean), firstWildcard, everyHost, last };
}
