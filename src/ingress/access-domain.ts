// Which part of a host an Access application must cover so that no request for a rule can miss it. Pure.
import type { IngressRule } from '../model.ts';

/**
 * `host` or `host/prefix*`. The prefix is taken only from a pattern that is anchored and plain up to there, for anything less
 * certain the whole host is covered: locking too much is a nuisance, too little an open door.
 */
export function accessDomain(rule: IngressRule & { readonly hostname: string }): string {
  const prefix = accessPrefix(rule);
  return prefix === '' ? rule.hostname : `${rule.hostname}${prefix}*`;
}

/** The path prefix of that part; "" for the whole host. */
export function accessPrefix(rule: IngressRule): string {
  const prefix = literalPrefix(rule.path ?? '');
  return prefix === '/' ? '' : prefix;
}

/** The text every path matching the pattern begins with; "" when that is not plain to see. */
function literalPrefix(pattern: string): string {
  if (!pattern.startsWith('^/') || pattern.includes('|') || pattern.includes('(?')) return '';
  const plain = /^[A-Za-z0-9/_~-]*/.exec(pattern.slice(1))?.[0] ?? '';
  const next = pattern[1 + plain.length];
  // A quantifier makes the last character optional.
  return next !== undefined && '*?{'.includes(next) ? plain.slice(0, -1) : plain;
}
