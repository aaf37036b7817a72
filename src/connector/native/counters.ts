// What a connector counts: plain numbers, read by whoever exports metrics.

/** A connector's numbers since it was created. */
export interface ConnectorMetrics {
  /** Requests received. */
  readonly requests: number;
  /** Requests being served now, websockets included. */
  readonly concurrent: number;
  /** Answers by status, the connector's own 502 included. */
  readonly byStatus: ReadonlyMap<number, number>;
  /** Requests an origin failed. */
  readonly errors: number;
  /** By hostname and path of the rule; rules that went stay, as far as there is room. */
  readonly byRule: ReadonlyMap<string, RuleMetrics>;
}

/** What one rule carried. */
export interface RuleMetrics {
  /** Answers that began, the connector's own 502 included. */
  readonly requests: number;
  /** Requests the origin failed. */
  readonly errors: number;
  /** Answers by their first digit, 1 to 5. */
  readonly byClass: readonly number[];
  /** Milliseconds until answers began, of all together. */
  readonly totalMs: number;
  /** Answers that began within each bound and not within the one before; the last counts the slower ones. */
  readonly latency: readonly number[];
}

/** Upper bounds of `latency`, in milliseconds. */
export const latencyBoundsMs: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Ten thousand rules take about 4 MB. */
const maxRules = 10_000;

/** A rule, as far as it is counted. */
interface CountedRule {
  readonly hostname?: string;
  readonly path?: string;
}

/** One rule's numbers, growing. */
class RuleCounter implements RuleMetrics {
  requests = 0;
  errors = 0;
  totalMs = 0;
  readonly byClass = [0, 0, 0, 0, 0];
  readonly latency = new Array<number>(latencyBoundsMs.length + 1).fill(0);

  answered(status: number, ms: number): void {
    this.requests++;
    this.totalMs += ms;
    grow(this.byClass, Math.floor(status / 100) - 1);
    const at = latencyBoundsMs.findIndex((bound) => ms <= bound);
    grow(this.latency, at === -1 ? latencyBoundsMs.length : at);
  }
}

function grow(counts: number[], at: number): void {
  const before = counts[at];
  if (before !== undefined) counts[at] = before + 1;
}

/** The same numbers, growing. */
export class Counters implements ConnectorMetrics {
  requests = 0;
  concurrent = 0;
  errors = 0;
  readonly byStatus = new Map<number, number>();
  readonly byRule = new Map<string, RuleCounter>();
  /** So that a request need not put a name together. */
  readonly #known = new WeakMap<CountedRule, RuleCounter>();

  /** Counts an answer. */
  answered(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }

  /** The numbers of a rule; undefined for one without a hostname. */
  of(rule: CountedRule | undefined): RuleCounter | undefined {
    if (rule?.hostname === undefined) return undefined;
    const known = this.#known.get(rule);
    if (known !== undefined) return known;
    const name = rule.hostname + (rule.path ?? '');
    const counter = this.byRule.get(name) ?? new RuleCounter();
    this.#known.set(rule, counter);
    if (this.byRule.size < maxRules) this.byRule.set(name, counter);
    return counter;
  }
}
