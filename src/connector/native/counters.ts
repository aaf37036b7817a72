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
}

/** The same numbers, growing. */
export class Counters implements ConnectorMetrics {
  requests = 0;
  concurrent = 0;
  errors = 0;
  readonly byStatus = new Map<number, number>();

  /** Counts an answer. */
  answered(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }
}
