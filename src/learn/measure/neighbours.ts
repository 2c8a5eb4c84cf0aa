/**
 * Rows that are near one another by the cosine of their features, less what all features have in
 * common: the vectors of many encoders point in nearly one direction, and only the rest tells texts apart.
 */
import type { FeatureRows } from "../head/fit-head.ts";

export interface Neighbour {
  readonly row: number;
  readonly cosine: number;
}

/** Rows of length 1 around their common mean; a row at the mean is 0. */
export function directionsOf({ data, hidden: H }: FeatureRows): FeatureRows {
  const rows = data.length / H;
  const mean = new Float64Array(H);
  for (let i = 0; i < data.length; i++) mean[i % H]! += data[i]! / rows;
  const directions = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += H) {
    let square = 0;
    for (let h = 0; h < H; h++) square += (data[start + h]! - mean[h]!) ** 2;
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let h = 0; h < H; h++) directions[start + h] = scale * (data[start + h]! - mean[h]!);
  }
  return { data: directions, hidden: H };
}

/**
 * The `count` nearest rows of each row, nearest first, and all pairs whose cosine reaches `bound`. Every row is
 * compared with every other: four thousand of them in a few seconds.
 */
export function compareRows(
  { data, hidden: H }: FeatureRows,
  { count, bound }: { readonly count: number; readonly bound: number },
): {
  readonly nearest: readonly (readonly Neighbour[])[];
  readonly pairs: readonly (readonly [first: number, second: number])[];
} {
  const rows = data.length / H;
  const nearest = Array.from({ length: rows }, (): Neighbour[] => []);
  const pairs: [number, number][] = [];
  const cosines = new Float64Array(rows);
  for (let a = 1; a < rows; a++) {
    cosinesInto(cosines, data, a, H);
    for (let b = 0; b < a; b++) {
      const cosine = cosines[b]!;
      insert(nearest[a]!, { row: b, cosine }, count);
      insert(nearest[b]!, { row: a, cosine }, count);
      if (cosine >= bound) pairs.push([b, a]);
    }
  }
  return { nearest, pairs };
}

/** The cosines of row `a` with all rows before it, four at a time: nearly all time is here. */
function cosinesInto(cosines: Float64Array, data: Float32Array, a: number, H: number): void {
  const own = data.subarray(a * H, (a + 1) * H);
  let b = 0;
  for (; b + 4 <= a; b += 4) {
    const [r0, r1, r2, r3] = [b * H, (b + 1) * H, (b + 2) * H, (b + 3) * H];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let h = 0; h < H; h++) {
      const value = own[h]!;
      s0 += value * data[r0 + h]!;
      s1 += value * data[r1 + h]!;
      s2 += value * data[r2 + h]!;
      s3 += value * data[r3 + h]!;
    }
    cosines[b] = s0;
    cosines[b + 1] = s1;
    cosines[b + 2] = s2;
    cosines[b + 3] = s3;
  }
  for (; b < a; b++) {
    let sum = 0;
    for (let h = 0; h < H; h++) sum += own[h]! * data[b * H + h]!;
    cosines[b] = sum;
  }
}

/** Keeps a list of at most `count` neighbours, nearest first. */
function insert(list: Neighbour[], neighbour: Neighbour, count: number): void {
  if (list.length === count && neighbour.cosine <= list[count - 1]!.cosine) return;
  let at = list.length;
  while (at > 0 && list[at - 1]!.cosine < neighbour.cosine) at -= 1;
  list.splice(at, 0, neighbour);
  if (list.length > count) list.pop();
}
