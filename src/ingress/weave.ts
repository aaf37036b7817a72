// Puts rules into a list whose own order must not change, each where it can be reached. Pure.

/** What decides which requests a rule takes. */
export interface Reach {
  readonly hostname?: string | undefined;
  readonly path?: string | undefined;
}

/**
 * `fixed` in its order with every one of `extra` put before the first rule that would take all its requests, else at the end.
 * The order of `extra` among themselves stays too: first match wins, so it means something.
 */
export function weave<T>(fixed: readonly T[], extra: readonly T[], reach: (rule: T) => Reach): readonly T[] {
  if (extra.length === 0) return fixed;
  const slots = extra.map((rule) => firstCovering(fixed, reach(rule), reach));
  for (let at = slots.length - 2; at >= 0; at--) slots[at] = Math.min(slots[at] ?? 0, slots[at + 1] ?? 0);
  const woven: T[] = [];
  let next = 0;
  for (let at = 0; at <= fixed.length; at++) {
    for (; next < extra.length && slots[next] === at; next++) woven.push(...extra.slice(next, next + 1));
    woven.push(...fixed.slice(at, at + 1));
  }
  return woven;
}

function firstCovering<T>(fixed: readonly T[], rule: Reach, reach: (rule: T) => Reach): number {
  const at = fixed.findIndex((other) => covers(reach(other), rule));
  return at === -1 ? fixed.length : at;
}

/** Whether every request for `inner` would be taken by `outer`. */
export function covers(outer: Reach, inner: Reach): boolean {
  if (outer.path !== undefined && outer.path !== '') return false;
  const pattern = (outer.hostname ?? '').toLowerCase();
  if (pattern === '' || pattern === '*') return true;
  const name = (inner.hostname ?? '').toLowerCase();
  return pattern === name || (pattern.startsWith('*.') && name.endsWith(pattern.slice(1)));
}
