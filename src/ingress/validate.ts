// cloudflared's checks on a list of rules: same order, same words. What passes is ready to match and to open. Pure.
import { ValidationError } from '../errors.ts';
import type { IngressRule, OriginAccess } from '../model.ts';
import { splitHostPort } from './go-text.ts';
import { toLookupAscii } from './idna.ts';
import { type ResolvedOriginRequest, resolveOriginRequest } from './origin-request.ts';
import { compilePathPattern, type PathPattern, PathPatternError } from './path-pattern.ts';
import { type OriginTarget, parseServiceUrl } from './service-url.ts';

/** A rule that passed every check, with what is needed to match and serve it. */
export interface CheckedRule {
  /** As it was given. */
  readonly rule: IngressRule;
  /** "" for every host. */
  readonly hostname: string;
  /** The ASCII form, only where it differs from `hostname`. */
  readonly asciiHostname: string | undefined;
  /** Undefined: every path. */
  readonly pattern: PathPattern | undefined;
  readonly target: OriginTarget;
  /** The rule's originRequest with cloudflared's defaults filled in. */
  readonly originRequest: ResolvedOriginRequest;
}

/**
 * Checks rules in order and stops at the first problem: ValidationError E_INGRESS_INVALID with cloudflared's message. The last
 * rule must be the catch-all and no other may be. A file's global originRequest is folded in before (`foldOriginRequest`).
 */
export function checkRules(rules: readonly IngressRule[]): readonly CheckedRule[] {
  if (rules.length === 0) throw invalid("The config file doesn't contain any ingress rules", undefined);
  // Rules often repeat a pattern; they share its automaton and so the memory one match warms up for the next.
  const patterns = new Map<string, PathPattern>();
  return rules.map((rule, index) => checkRule(rule, { index, count: rules.length, patterns }));
}

interface Position {
  readonly index: number;
  readonly count: number;
  readonly patterns: Map<string, PathPattern>;
}

/** True for a rule every request matches. */
export function isCatchAll(rule: IngressRule): boolean {
  return matchesEveryHost(rule) && (rule.path ?? '') === '';
}

function matchesEveryHost(rule: IngressRule): boolean {
  return rule.hostname === undefined || rule.hostname === '' || rule.hostname === '*';
}

function checkRule(rule: IngressRule, { index, count, patterns }: Position): CheckedRule {
  const target = parseServiceUrl(rule.service, rule.originRequest);
  checkAccess(rule.originRequest?.access, index);
  checkHostname(rule, index, count);
  const hostname = rule.hostname ?? '';
  const ascii = matchesEveryHost(rule) ? undefined : toLookupAscii(hostname);
  return {
    rule,
    hostname: matchesEveryHost(rule) ? '' : hostname,
    asciiHostname: ascii === hostname ? undefined : ascii,
    pattern: checkPath(rule.path ?? '', index, patterns),
    target,
    originRequest: resolveOriginRequest(rule.originRequest),
  };
}

function checkAccess(access: OriginAccess | undefined, index: number): void {
  if (access?.required !== true) return;
  if ((access.teamName ?? '') === '' && (access.audTag ?? []).length > 0)
    throw invalid('access.TeamName cannot be blank when access.audTags are present', index);
}

function checkHostname(rule: IngressRule, index: number, count: number): void {
  const hostname = rule.hostname ?? '';
  if (splitHostPort(hostname) !== undefined) throw invalid('Hostname cannot contain a port', index);
  if (hostname.lastIndexOf('*') > 0)
    throw invalid(
      'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. "*.example.com"',
      index,
    );
  const isLast = index === count - 1;
  if (isLast && !isCatchAll(rule))
    throw invalid(
      'The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)',
      index,
    );
  if (!isLast && isCatchAll(rule))
    throw invalid(
      `Rule #${index + 1} is matching the hostname '${hostname}', but this will match every hostname, ` +
        'meaning the rules which follow it will never be triggered.',
      index,
    );
}

function checkPath(path: string, index: number, patterns: Map<string, PathPattern>): PathPattern | undefined {
  if (path === '') return undefined;
  try {
    const pattern = patterns.get(path) ?? compilePathPattern(path);
    patterns.set(path, pattern);
    return pattern;
  } catch (error) {
    if (!(error instanceof PathPatternError)) throw error;
    throw invalid(`Rule #${index + 1} has an invalid regex: ${error.message}`, index);
  }
}

function invalid(message: string, index: number | undefined): ValidationError {
  return new ValidationError({
    code: 'E_INGRESS_INVALID',
    message,
    where: index === undefined ? undefined : `/ingress/${index}`,
  });
}
