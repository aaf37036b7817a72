// The live rules: built and checked completely, then one reference is replaced. Requests in flight keep what they matched.
import { isDeepStrictEqual } from 'node:util';
import type { IngressRule } from '../model.ts';
import { compileMatcher, type Match, type Matcher } from './match.ts';
import { checkRules } from './validate.ts';

/** What a connector asks for every request, and how rules are replaced under it. */
export interface IngressTable {
  /** The rule for a request: `hostname` as received (a port is ignored), `path` decoded and without query (`requestPath`). */
  match(hostname: string, path: string): Match;
  /** Replaces all rules at once and returns true; equal rules change nothing and return false. Throws ValidationError, keeping the old rules. */
  swap(rules: readonly IngressRule[]): boolean;
  rules(): readonly IngressRule[];
  /** Counts the swaps that changed something, from 0. */
  readonly version: number;
}

/** What cloudflared serves while it has no rules. */
const withoutRules: readonly IngressRule[] = [{ service: 'http_status:503' }];

/** A table with these rules, or answering 503 to everything while there are none. Throws ValidationError. */
export function createIngressTable(initial: readonly IngressRule[] = []): IngressTable {
  let current = compileTable(orDefault(initial));
  let version = 0;
  return {
    match: (hostname, path) => current.match(hostname, path),
    swap(rules) {
      const wanted = orDefault(rules);
      if (isDeepStrictEqual(wanted, current.rules)) return false;
      current = compileTable(wanted);
      version++;
      return true;
    },
    rules: () => current.rules,
    get version() {
      return version;
    },
  };
}

interface CompiledTable {
  readonly rules: readonly IngressRule[];
  readonly match: Matcher;
}

function orDefault(rules: readonly IngressRule[]): readonly IngressRule[] {
  return rules.length === 0 ? withoutRules : rules;
}

function compileTable(given: readonly IngressRule[]): CompiledTable {
  // A private copy: the caller changing its array later must not change what "equal" means.
  const rules = structuredClone(given);
  return { rules, match: compileMatcher(checkRules(rules)) };
}
