/** The clock of runs. */

/**
 * Milliseconds since 1970, with fractions. A step of a small base takes less than a millisecond,
 * which `Date.now` would call no time at all.
 */
export const preciseNow = (): number => performance.timeOrigin + performance.now();
