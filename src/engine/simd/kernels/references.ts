/**
 * What each kernel computes, in plain TypeScript and double precision, on rows of numbers: what
 * kernels.ts says in words. Tests compare the two; nothing else calls this.
 */
import { LEVELS } from "./kernels.ts";
import type { ACTIVATION } from "./kernels.ts";

export type Row = readonly number[];

type Name = keyof typeof ACTIVATION;

const dot = (a: Row, b: Row): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const mean = (x: Row): number => x.reduce((sum, value) => sum + value, 0) / x.length;
const indices = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** A row of a table: integers less the zero point of their form, times the row's scale. */
export const lookUp = (stored: Row, zero: number, scale: number): Row =>
  stored.map((value) => (value - zero) * scale);

export function layerNorm(x: Row, gamma: Row, beta: Row, epsilon: number): Row {
  const center = mean(x);
  const variance = mean(x.map((value) => (value - center) ** 2));
  const deviation = Math.sqrt(variance + epsilon);
  return x.map((value, i) => ((value - center) / deviation) * gamma[i]! + beta[i]!);
}

export function rmsNorm(x: Row, gamma: Row, beta: Row, epsilon: number): Row {
  const size = Math.sqrt(mean(x.map((value) => value * value)) + epsilon);
  return x.map((value, i) => (value / size) * gamma[i]! + beta[i]!);
}

/** Without the rounding to whole levels: `q` are the numbers that the kernel rounds. */
export function quantize(x: Row): { q: Row; scale: number } {
  const top = Math.max(...x.map((value) => Math.abs(value)));
  const scale = Math.max(top, 1e-20) / LEVELS;
  return { q: x.map((value) => value / scale), scale };
}

/** One row of a product; `columns` are those of the weights. Sums are integers, hence exact. */
export const multiply = (
  { q, scale }: { q: Row; scale: number },
  columns: readonly Row[],
  weightScale: Row,
  bias: Row,
): Row => columns.map((column, n) => dot(q, column) * weightScale[n]! * scale + bias[n]!);

/** One row of the first product of a low-rank change; `a` are its R rows. */
export const reduceRank = (x: Row, a: readonly Row[]): Row => a.map((row) => dot(x, row));

/** One row with the second product on top. */
export const addByRank = (out: Row, h: Row, b: readonly Row[]): Row =>
  out.map((value, n) => value + h.reduce((sum, share, r) => sum + share * b[r]![n]!, 0));

/** Weights [K, N] with zero point 128 as int8 [N / 8, K / 2, 8, 2]. */
export function pack(raw: readonly Row[]): Row {
  const pairs = indices(raw.length / 2);
  const panels = indices(raw[0]!.length / 8);
  return panels.flatMap((panel) =>
    pairs.flatMap((pair) =>
      indices(16).map((i) => raw[2 * pair + (i % 2)]![8 * panel + Math.floor(i / 2)]! - 128),
    ),
  );
}

export const ACTIVATIONS: Readonly<Record<Name, (x: number) => number>> = {
  gelu: (x) => (x / 2) * (1 + errorFunction(x / Math.SQRT2)),
  geluTanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
};

/** 2 / sqrt(pi) e^(-z^2) (z + 2 z^3 / 3 + 4 z^5 / 15 + ..): no term cancels another. */
function errorFunction(z: number): number {
  if (Math.abs(z) > 6) return Math.sign(z); // differs from it by less than 2^-52
  let term = (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * z;
  let sum = 0;
  for (let n = 1; n < 400; n++) {
    sum += term;
    term *= (2 * z * z) / (2 * n + 1);
  }
  return sum;
}

/** One head [D], turned by the angles [D / 2] of its position. */
export function rotate(x: Row, angles: Row): Row {
  const half = angles.length;
  return x.map((value, i) => {
    const angle = angles[i % half]!;
    const other = i < half ? -x[i + half]! : x[i - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** A row as its whole levels say it. */
function rounded(x: Row): Row {
  const { q, scale } = quantize(x);
  return q.map((level) => Math.round(level) * scale);
}

/**
 * One head of one text: queries [Q, D], keys and values [P + T, D], the prefix's first. Without the
 * rounding of the shares.
 */
export function attention(
  queries: readonly Row[],
  keys: readonly Row[],
  values: readonly Row[],
  { P, window }: { P: number; window: number },
): Row[] {
  const D = keys[0]!.length;
  const [roundedKeys, roundedValues] = [keys, values].map((rows) => rows.map(rounded));
  return queries.map((query, i) => {
    const isSeen = (c: number): boolean => c < P || Math.abs(c - P - i) <= window;
    const seen = indices(keys.length).filter((c) => isSeen(c));
    const roundedQuery = rounded(query);
    const scores = seen.map((c) => dot(roundedQuery, roundedKeys![c]!) / Math.sqrt(D));
    const top = Math.max(...scores);
    const shares = scores.map((score) => Math.exp(score - top));
    const total = shares.reduce((sum, share) => sum + share, 0);
    return indices(D).map(
      (d) =>
        dot(
          shares,
          seen.map((c) => roundedValues![c]![d]!),
        ) / total,
    );
  });
}
