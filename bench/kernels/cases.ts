/** What `bench kernels` runs: each kernel on shapes of MiniLM-L6, on arrays of random numbers. */
import {
  ACTIVATION,
  EVERY_TOKEN,
  NORM,
  TABLE,
  attentionWorkBytes,
} from "../../src/engine/simd/kernels/kernels.ts";
import type { Kernels } from "../../src/engine/simd/kernels/kernels.ts";
import { derive, keyOf, normals, uniforms } from "../../src/learn/random.ts";

export interface Case {
  readonly kernel: string;
  readonly shape: string;
  /** Multiplications and additions of a run; where they are not counted, numbers read. */
  readonly operations: number;
  /** Whether it is made of the bound's operations. */
  readonly isProduct: boolean;
  readonly run: () => void;
}

const H = 384;
const HEADS = 12;
const D = H / HEADS;
/** Inputs and outputs of products: the feed-forward block's, up and down. */
const PRODUCTS = [
  [384, 1536],
  [1536, 384],
] as const;
const PRODUCT_ROWS = [1, 4, 16, 64, 128];
const ATTENTION_TOKENS = [16, 64, 128, 256];
const PREFIX = 16;
const VOCAB = 1000;
const MAX_ROWS = 256;

/** Cases over one instance of the kernels; its memory grows by what they need. */
export function casesOf(kernels: Kernels): Case[] {
  const arrays = new Arrays(kernels);
  const floats = (count: number): number => arrays.place(normals(arrays.key(), count));
  const vectors = arrays.place(new Uint32Array(MAX_ROWS).fill(floats(4 * H + 1536)));
  const scale = floats(MAX_ROWS);
  const inputScale = floats(H);

  const products = PRODUCTS.flatMap(([K, N]) => {
    const q = arrays.place(arrays.integers(MAX_ROWS * K, 4095, Int16Array));
    const w = arrays.place(arrays.integers(K * N, 127, Int8Array));
    const weightScale = floats(N);
    const out = floats(MAX_ROWS * N);
    return PRODUCT_ROWS.map((M): Case => {
      const run = (): void =>
        kernels.multiply(M, K, 0, N, q, scale, w, weightScale, vectors, 0, 0, 0, out, 4 * N);
      return {
        kernel: "multiply",
        shape: `K ${K}, M ${M}`,
        operations: 2 * M * K * N,
        isProduct: true,
        run,
      };
    });
  });

  const qkv = floats(MAX_ROWS * 3 * H);
  const past = floats(2 * PREFIX * H);
  const out = floats(MAX_ROWS * H);
  const work = arrays.reserve(attentionWorkBytes(PREFIX + MAX_ROWS, D));
  const stride = 4 * 3 * H;
  const attentions = ATTENTION_TOKENS.map((T): Case => {
    const [k, v] = [qkv + 4 * H, qkv + 8 * H];
    const values = past + 4 * PREFIX * H;
    const run = (): void =>
      kernels.attention(
        ...([T, T, HEADS, HEADS, D, qkv, stride, k, v, stride, PREFIX] as const),
        ...([past, values, PREFIX, EVERY_TOKEN, out, 4 * H, work] as const),
      );
    return {
      kernel: "attention",
      shape: `T ${T}, P ${PREFIX}`,
      operations: 4 * T * (PREFIX + T) * H,
      isProduct: true,
      run,
    };
  });

  const M = 64;
  const [wide, before] = [floats(M * 1536), floats(M * 1536)];
  const q = arrays.reserve(2 * M * 1536);
  const table = arrays.place(arrays.integers(VOCAB * H, 127, Int8Array));
  const tableScale = floats(VOCAB);
  const ids = arrays.place(Uint32Array.from({ length: M }, (_, i) => (i * 37) % VOCAB));
  const bytes = new Uint8Array(kernels.memory.buffer);
  const other = (kernel: string, count: number, run: () => void): Case => ({
    kernel,
    shape: `${M} x ${count / M}`,
    operations: count,
    isProduct: false,
    run,
  });
  return [
    ...products,
    ...attentions,
    other("lookUp int8", M * H, () =>
      kernels.lookUp(M, H, ids, table, TABLE.int8, tableScale, 1, out),
    ),
    other("norm", M * H, () =>
      kernels.norm(M, H, NORM.layer, qkv, vectors, 0, 4 * H, 1e-12, inputScale, out, q, scale),
    ),
    other("quantizeRows", M * H, () => kernels.quantizeRows(M, H, qkv, 0, q, scale)),
    ...(["gelu", "geluTanh", "relu"] as const).map((name) =>
      other(name, M * 1536, () => {
        // Values are used up: what an activation makes of its own results ends as denormal numbers.
        bytes.copyWithin(wide, before, before + 4 * M * 1536);
        kernels.activate(M, 1536, wide, 4 * 1536, ACTIVATION[name], q, scale);
      }),
    ),
  ];
}

/** Arrays behind the kernels' own, of random numbers. */
class Arrays {
  readonly #kernels: Kernels;
  #top: number;
  #count = 0;

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
    this.#top = kernels.heapBase;
  }

  key = (): readonly [number, number] => derive(keyOf(1), this.#count++);

  reserve(bytes: number): number {
    const at = Math.ceil(this.#top / 64) * 64;
    this.#top = at + bytes;
    const lacking = this.#top - this.#kernels.memory.buffer.byteLength;
    if (lacking > 0) this.#kernels.memory.grow(Math.ceil(lacking / 65_536));
    return at;
  }

  place(values: Float32Array | Uint32Array | Int16Array | Int8Array): number {
    const at = this.reserve(values.byteLength);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    new Uint8Array(this.#kernels.memory.buffer).set(bytes, at);
    return at;
  }

  integers<T extends Int16Array | Int8Array>(
    count: number,
    limit: number,
    type: new (length: number) => T,
  ): T {
    const uniform = uniforms(this.key());
    const values = new type(count);
    for (let i = 0; i < count; i++) values[i] = Math.floor(uniform() * (2 * limit + 1)) - limit;
    return values;
  }
}
