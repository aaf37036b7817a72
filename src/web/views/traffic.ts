// What names carried, as it is answered. Pure.
import { latencyBoundsMs, type RuleMetrics } from '../../connector/native/counters.ts';
import { count, type JsonSchema, listOf, shape, text } from './schema.ts';

const number = { type: 'number' } as const;

/** The schema of one name's. */
export const trafficSchema: JsonSchema = shape({
  name: text,
  requests: count,
  errors: count,
  byClass: listOf(count),
  meanMs: number,
  p50Ms: number,
  p95Ms: number,
});

/** The schema of everything's. */
export const trafficFields: Readonly<Record<string, JsonSchema>> = {
  requests: count,
  concurrent: count,
  errors: count,
  rules: listOf(trafficSchema),
};

/** Each name's numbers; the quantiles are the upper bounds of where they lie. */
export function trafficOf(byRule: ReadonlyMap<string, RuleMetrics>) {
  return [...byRule].map(([name, rule]) => ({
    name,
    requests: rule.requests,
    errors: rule.errors,
    byClass: rule.byClass,
    meanMs: rule.requests === 0 ? 0 : rule.totalMs / rule.requests,
    p50Ms: quantile(rule.latency, 0.5),
    p95Ms: quantile(rule.latency, 0.95),
  }));
}

function quantile(counts: readonly number[], part: number): number {
  const wanted = counts.reduce((sum, one) => sum + one, 0) * part;
  let seen = 0;
  for (const [at, one] of counts.entries()) {
    seen += one;
    if (one > 0 && seen >= wanted) return latencyBoundsMs[at] ?? latencyBoundsMs.at(-1) ?? 0;
  }
  return 0;
}
