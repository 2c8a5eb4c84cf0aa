/**
 * The typed face of kernels.wasm: what each kernel computes, on which arrays. The sources are the
 * AssemblyScript files beside this one, references.ts says the same in plain TypeScript.
 *
 * Arrays are byte offsets into the module's one memory; a `stride` is the distance of two rows in
 * bytes, and a matrix without one has its rows one behind the other. Arrays of floats and integers
 * are little-endian and begin at a multiple of 4; a multiple of 64 is quickest. No kernel reads or
 * writes beyond the arrays that it is given, and none checks them: sizes are the caller's to prove.
 *
 * Sizes: M rows (tokens of all texts of a batch, without padding), H hidden, K inputs and N outputs of
 * a product, D head size, P prefix length, T tokens of one text. K is at most MAX_INPUTS, D at most
 * MAX_HEAD_SIZE. A row's results depend on that row (and its text) alone, and are the same bits on every
 * host: no relaxed instruction is used.
 *
 * Widths (H, K, N, D) are multiples of WIDTH_UNIT in memory. A width that is none has zeros behind its
 * numbers, and every kernel leaves them zeros. Three take the number itself, since it counts there, and
 * find the width from it: H of norm, D of attention and of rotate. The zeros of a head that is turned
 * are half behind the first, half behind the second half of its numbers.
 *
 * Quantized rows are int16: value = q * scale, |q| <= LEVELS, one scale a row. They lie in tiles of
 * ROW_TILE rows, [M / 4, K / 2, 4, 2], behind them the last M % 4 rows as a lower tile; in all 2 * M * K
 * bytes, which only kernels write and read. Rows from m on, m a multiple of ROW_TILE, are at
 * q + 2 * K * m. Other choices of rows are quantized again.
 *
 * Vectors that a task may change (biases, norm weights) are read through `vectors`, a uint32 address
 * for every row, plus a byte offset: rows of different tasks share a run.
 */

/** Largest integer of a quantized activation. */
export const LEVELS = 4095;

/** The inputs of a product, at most: LEVELS * 127 * MAX_INPUTS is below 2^31, so sums are exact. */
export const MAX_INPUTS = 4128;

/** D at most: LEVELS * LEVELS * MAX_HEAD_SIZE is below 2^31. */
export const MAX_HEAD_SIZE = 128;

/** Rows that quantized rows are stored by. */
export const ROW_TILE = 4;

/** What all widths are multiples of in memory. */
export const WIDTH_UNIT = 8;

/** How the rows of a table are stored, and what they hold. */
export const TABLE = {
  /** float32; has no scales */
  float32: 0,
  /** int8, times the row's scale */
  int8: 1,
  /** uint8 less 128, times the row's scale */
  uint8: 2,
  /** two numbers a byte, the first in the low half, less 8, times the row's scale */
  uint4: 3,
} as const;

/** What is taken from a row before it is scaled: its mean, or nothing. */
export const NORM = { layer: 0, rms: 1 } as const;

/** gelu is within 2.6e-5 of x times the normal distribution's function, gelu's tanh form within 4.7e-4. */
export const ACTIVATION = { gelu: 0, geluTanh: 1, relu: 2, silu: 3 } as const;

/** The `window` of a layer that is not local. */
export const EVERY_TOKEN = 0x7fffffff;

export interface Kernels {
  readonly memory: KernelMemory;
  /** The first free byte of the memory; what lies below belongs to the kernels. */
  readonly heapBase: number;

  /**
   * Stores rows of a table, or adds them to what is there:
   *   out[m] (+)= table[ids[m]] * scales[ids[m]]
   * `ids` uint32 [M], `scales` float32 [rows of the table], `out` float32 [M, H].
   */
  lookUp(
    M: number,
    H: number,
    ids: number,
    table: number,
    form: (typeof TABLE)[keyof typeof TABLE],
    scales: number,
    adds: 0 | 1,
    out: number,
  ): void;

  /**
   * LayerNorm or RMSNorm over rows, then quantized:
   *   center = mean(x), or 0 for RMSNorm
   *   out = (x - center) / sqrt(mean((x - center)^2) + epsilon) * gamma + beta
   *   q, scale = quantized(out * inputScale)
   * `H` is how many numbers a row has, zeros aside. `x` and `out` float32 [M, H], possibly the same
   * array. gamma and beta float32 [H], at vectors[m] + gammaOffset (betaOffset). `inputScale` float32
   * [H], or 0 for none. `q` quantized rows [M, H], `scale` float32 [M]; with q = 0 nothing is quantized.
   */
  norm(
    M: number,
    H: number,
    kind: (typeof NORM)[keyof typeof NORM],
    x: number,
    vectors: number,
    gammaOffset: number,
    betaOffset: number,
    epsilon: number,
    inputScale: number,
    out: number,
    q: number,
    scale: number,
  ): void;

  /**
   * Quantizes rows: scale[m] = max |x[m] * inputScale| / LEVELS, q = round(x * inputScale / scale).
   * `x` float32 [M, K] is not changed; `inputScale`, `q` and `scale` as for norm.
   */
  quantizeRows(M: number, K: number, x: number, inputScale: number, q: number, scale: number): void;

  /**
   * Columns from..to (multiples of WIDTH_UNIT) of a matrix product:
   *   out[m, n] = (sum over k of q[m, k] * w[k, n]) * weightScale[n] * scale[m]
   *               + bias(m)[n] + residual[m, n]
   * `q` quantized rows [M, K] with `scale` float32 [M]; `w` as `pack` wrote it; `weightScale` float32 [N];
   * bias float32 [N] at vectors[m] + biasOffset. `residual` float32 [M, N] with its stride, or 0 for
   * none; it may be `out`. `out` float32 [M, N] with its stride: column n is at out + 4 * n, whatever
   * `from` is.
   */
  multiply(
    M: number,
    K: number,
    from: number,
    to: number,
    q: number,
    scale: number,
    w: number,
    weightScale: number,
    vectors: number,
    biasOffset: number,
    residual: number,
    residualStride: number,
    out: number,
    outStride: number,
  ): void;

  /**
   * Packs rows from..to (even numbers) of stored weights for `multiply`. `raw` is those rows alone,
   * uint8 [to - from, N] with zero point 128, as a base stores them; so a matrix can be packed piece
   * by piece. `w` is the whole packed matrix, K * N bytes: int8 [N / 8, K / 2, 8, 2]. Matrices with
   * the same K that lie one behind the other are one matrix of all their columns.
   */
  pack(K: number, N: number, from: number, to: number, raw: number, w: number): void;

  /**
   * Applies an activation to rows and quantizes them. `x` float32 [M, K] with its stride; its values
   * are used up. `q` quantized rows [M, K], `scale` float32 [M].
   */
  activate(
    M: number,
    K: number,
    x: number,
    stride: number,
    activation: (typeof ACTIVATION)[keyof typeof ACTIVATION],
    q: number,
    scale: number,
  ): void;

  /** Likewise for gated blocks: activation(gate) * up. Both have the same stride; `gate` is used up. */
  gate(
    M: number,
    K: number,
    gate: number,
    up: number,
    stride: number,
    activation: (typeof ACTIVATION)[keyof typeof ACTIVATION],
    q: number,
    scale: number,
  ): void;

  /**
   * Turns the heads of rows by rotary positions, in place: number i and number i + D/2 of a head by the
   * angles of the row's position. `x` float32 [M, heads, D] with its stride, `positions` uint32 [M],
   * `angles` float32 [positions, 2, D/2]: cosines, then sines.
   */
  rotate(
    M: number,
    heads: number,
    D: number,
    x: number,
    stride: number,
    positions: number,
    angles: number,
  ): void;

  /**
   * Attention of one text, all heads: softmax(q k^T / sqrt(D)) v over P columns of the prefix, then the
   * T tokens. The queries are the text's first `queries` tokens. `q` float32 [queries, heads, D], `k`
   * and `v` float32 [T, kvHeads, D] with one stride, `pastKeys` and `pastValues` float32 [kvHeads,
   * pastRows, D], of which the first P rows are read. Each key head serves heads / kvHeads neighbouring
   * query heads. A token sees the whole prefix and tokens up to `window` away. Both products are of
   * whole levels: each query, key and value of a head is quantized like a row, and so are a query's
   * shares times the scales of their values, to at most 32,767 levels. `out` float32
   * [queries, heads, D]; `work` has attentionWorkBytes(P + T, D) bytes.
   */
  attention(
    queries: number,
    T: number,
    heads: number,
    kvHeads: number,
    D: number,
    q: number,
    qStride: number,
    k: number,
    v: number,
    kvStride: number,
    P: number,
    pastKeys: number,
    pastValues: number,
    pastRows: number,
    window: number,
    out: number,
    outStride: number,
    work: number,
  ): void;

  /**
   * The first product of a low-rank change: out[m, r] = sum over k of x[m, k] * a[r, k]. `x` float32
   * [M, K] with its stride, `a` float32 [R, K], `out` float32 [M, R]; any R.
   */
  reduceRank(
    M: number,
    K: number,
    R: number,
    x: number,
    stride: number,
    a: number,
    out: number,
  ): void;

  /**
   * The second product, added: out[m, n] = out[m, n] + sum over r of h[m, r] * b[r, n]. `h` float32
   * [M, R], `b` float32 [R, N] and `out` float32 [M, N] with their strides.
   */
  addByRank(
    M: number,
    N: number,
    R: number,
    h: number,
    b: number,
    bStride: number,
    out: number,
    stride: number,
  ): void;

  /** out = x + y, float32 [n], n a multiple of 4; arrays may be the same. */
  add(n: number, x: number, y: number, out: number): void;

  /** out = out + share * x, float32 [n], n a multiple of 4. */
  addScaled(n: number, share: number, x: number, out: number): void;
}

/** Bytes of `work` for attention over so many columns: keys, values, scores and queries of a head. */
export function attentionWorkBytes(columns: number, headSize: number): number {
  const width = Math.ceil(headSize / WIDTH_UNIT) * WIDTH_UNIT;
  const padded = Math.ceil(columns / 4) * 4 + 4; // prefix and text each to whole groups of 4
  const gathered = 2 * padded * (2 * width + 4);
  return gathered + QUERY_TILE * (4 * (padded + 1) + 2 * width + 4);
}

/** Query rows whose scores are in memory at a time. */
const QUERY_TILE = 8;

/** The part of WebAssembly.Memory that is used here: not every host's type settings have it. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; views of the old buffer are void afterwards. */
  grow(pages: number): number;
}

type Exports = Omit<Kernels, "heapBase"> & { readonly heapBase: { readonly value: number } };

const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Instance: new (module: object) => { readonly exports: Exports };
  };
};

/** A new instance, with a memory of its own, of the compiled kernels.wasm. */
export function instantiate(module: object): Kernels {
  const { exports } = new WebAssembly.Instance(module);
  return { ...exports, heapBase: exports.heapBase.value };
}
