/** Time as the host sees it, handed in so that tests need no real clock. */
export interface Clock {
  now(): number;
  /** Resolves after `ms` and lets the host do its I/O meanwhile. */
  wait(ms: number): Promise<void>;
}
