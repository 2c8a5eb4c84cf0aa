/** Small statistics for benchmarks: medians and paired ratios, never single times. */

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value below which a share `q` of `values` lies, interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below]!, sorted[Math.ceil(position)]!];
  return low + (position - below) * (high - low);
}

/** The middle and the slow end of some times. */
export interface Summary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export const summary = (values: readonly number[]): Summary => ({
  p50: quantile(values, 0.5),
  p99: quantile(values, 0.99),
  max: Math.max(...values),
});

/** A line of a table: a name, then whole milliseconds of a summary. */
export const summaryRow = (name: string, { p50, p99, max }: Summary): string[] => [
  name,
  ...[p50, p99, max].map((ms) => ms.toFixed(0)),
];

/** Median of a[i] / b[i]: robust against drift when a and b were measured in turn. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(ratios(a, b));

/** A middle value and the quartiles around it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The ratios a[i] / b[i]: their median and quartiles. */
export function ratioSpread(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(ratios(a, b));
}

/** The differences a[i] - b[i]: their median and quartiles. */
export const differenceSpread = (a: readonly number[], b: readonly number[]): Spread =>
  spreadOf(a.map((value, i) => value - b[i]!));

const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, i) => value / b[i]!);

export const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

export const mean = (values: readonly number[]): number => sum(values) / values.length;

/** A share of 1, in percent. */
export const percent = (share: number): string => (100 * share).toFixed(1);

/** `44.1 (42.4, 45.8, 44.0)`: the mean of the shares that seeds reached, in percent, and these behind it. */
export const seedsText = (shares: readonly number[]): string =>
  shares.length === 1
    ? percent(shares[0]!)
    : `${percent(mean(shares))} (${shares.map(percent).join(", ")})`;

/** Formats a table for a terminal: first row is the header, columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join("  "))
    .join("\n");
}
