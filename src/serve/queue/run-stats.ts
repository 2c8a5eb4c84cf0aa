/** Totals over all runs of a queue, for /metrics. */

export interface RunStats {
  /** Requests that have been queued. */
  readonly requests: number;
  readonly rows: number;
  readonly tokens: number;
  /** Tokens that were computed, padding included. */
  readonly paddedTokens: number;
  /** Runs by their number of rows. */
  readonly runsByRows: ReadonlyMap<number, number>;
}

/** Totals that runs are added to. */
export class RunTotals implements RunStats {
  requests = 0;
  rows = 0;
  tokens = 0;
  paddedTokens = 0;
  readonly runsByRows = new Map<number, number>();

  add(rows: number, tokens: number, paddedTokens: number): void {
    this.rows += rows;
    this.tokens += tokens;
    this.paddedTokens += paddedTokens;
    this.runsByRows.set(rows, (this.runsByRows.get(rows) ?? 0) + 1);
  }
}
