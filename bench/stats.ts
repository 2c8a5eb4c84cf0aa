/** Small statistics for benchmarks: medians and paired ratios, never single times. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that a share `q` of the values does not exceed (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

/** Median of a[i] / b[i]: robust against drift when a and b were measured in turn. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, i) => value / b[i]!));

/** Formats a table for a terminal: first row is the header, columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join("  "))
    .join("\n");
}
