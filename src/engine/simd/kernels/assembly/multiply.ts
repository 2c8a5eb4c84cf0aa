/**
 * The matrix product of quantized rows and packed weights: int16 times int8, summed exactly in int32.
 *
 * A tile is up to 4 rows by 8 columns. Its 8 sums stay in registers over all of K: one load of
 * weights for two columns of pairs, one load to all lanes for each row's pair. Weights are read from
 * the memory behind the caches once a run. With many rows, the first tile leaves them behind widened
 * to int16; later tiles load them wide. With few rows that does not repay the writing: then a
 * group of columns passes through the first-level cache, in one read as long as the cache allows.
 */

import { Lanes } from "./lanes";
import { MAX_INPUTS } from "./quantize";

/** Rows from which on weights are widened. */
const WIDENING_ROWS: i32 = 32;

/** Bytes of weights that are read at a time for fewer rows. */
const GROUP_BYTES: i32 = 24 << 10;

/** Where weights of 8 columns are kept widened: int16 [MAX_INPUTS, 8]. */
const WIDENED: usize = memory.data(MAX_INPUTS * 8 * 2, 64);

/** A tile's weights: as stored; as stored, and kept widened; widened. */
const STORED = 0;
const KEPT = 1;
const WIDE = 2;

export function multiply(
  M: i32,
  K: i32,
  from: i32,
  to: i32,
  q: usize,
  scale: usize,
  w: usize,
  weightScale: usize,
  vectors: usize,
  biasOffset: usize,
  residual: usize,
  residualStride: usize,
  out: usize,
  outStride: usize,
): void {
  const isWidening = M >= WIDENING_ROWS;
  const group = isWidening ? 8 : max((GROUP_BYTES / K) & ~7, 8);
  for (let begin = from; begin < to; begin += group) {
    for (let m = 0; m < M; m += 4) {
      const rows = min(M - m, 4);
      for (let n = begin; n < min(begin + group, to); n += 8) {
        const weights = w + <usize>(n * K);
        const column = (<usize>n) << 2;
        const columnScale0 = v128.load(weightScale + column);
        const columnScale1 = v128.load(weightScale + column, 16);
        const form = rows < 4 || !isWidening ? STORED : m === 0 ? KEPT : WIDE;
        for (const [$rows, $form] of [
          [1, 0],
          [2, 0],
          [3, 0],
          [4, 0],
          [4, 1],
          [4, 2],
        ]) {
          if (rows === $rows && form === $form) {
            for (const $r of upTo($rows)) {
              let sum$r_0 = i32x4.splat(0);
              let sum$r_1 = i32x4.splat(0);
            }
            let inputs = q + ((<usize>(m * K)) << 1);
            let stored = weights;
            let widened = WIDENED;
            const end = inputs + ((<usize>(K * $rows)) << 1);
            do {
              for (const $u of [0, 1, 2, 3]) {
                const w$u_0 =
                  $form === WIDE ? v128.load(widened, 32 * $u) : v128.load8x8_s(stored, 16 * $u);
                const w$u_1 =
                  $form === WIDE
                    ? v128.load(widened, 32 * $u + 16)
                    : v128.load8x8_s(stored, 16 * $u + 8);
                if ($form === KEPT) {
                  v128.store(widened, w$u_0, 32 * $u);
                  v128.store(widened, w$u_1, 32 * $u + 16);
                }
                for (const $r of upTo($rows)) {
                  const x$u_$r = v128.load32_splat(inputs, 4 * ($r + $rows * $u));
                  sum$r_0 = i32x4.add(sum$r_0, i32x4.dot_i16x8_s(w$u_0, x$u_$r));
                  sum$r_1 = i32x4.add(sum$r_1, i32x4.dot_i16x8_s(w$u_1, x$u_$r));
                }
              }
              stored += 64;
              widened += 128;
              inputs += 16 * $rows;
            } while (inputs < end);

            for (const $r of upTo($rows)) {
              const row$r = <usize>(m + $r);
              const scale$r = v128.load32_splat(scale + (row$r << 2));
              const bias$r = <usize>load<u32>(vectors + (row$r << 2)) + biasOffset + column;
              let y$r_0 = f32x4.mul(
                f32x4.mul(f32x4.convert_i32x4_s(sum$r_0), columnScale0),
                scale$r,
              );
              let y$r_1 = f32x4.mul(
                f32x4.mul(f32x4.convert_i32x4_s(sum$r_1), columnScale1),
                scale$r,
              );
              y$r_0 = f32x4.add(y$r_0, v128.load(bias$r));
              y$r_1 = f32x4.add(y$r_1, v128.load(bias$r, 16));
              if (residual) {
                const before$r = residual + row$r * residualStride + column;
                y$r_0 = f32x4.add(y$r_0, v128.load(before$r));
                y$r_1 = f32x4.add(y$r_1, v128.load(before$r, 16));
              }
              const to$r = out + row$r * outStride + column;
              v128.store(to$r, y$r_0);
              v128.store(to$r, y$r_1, 16);
            }
          }
        }
      }
    }
  }
}

/** Pairs of rows become neighbours; the zero point 128 becomes a sign. */
export function pack(K: i32, N: i32, from: i32, to: i32, raw: usize, w: usize): void {
  const zeroPoint = i8x16.splat(-128);
  for (let n = 0; n < N; n += 8) {
    let row = raw + <usize>n;
    let packed = w + <usize>(n * K + from * 8);
    for (let k = from; k < to; k += 2) {
      const pairs = Lanes.interleaved(v128.load64_zero(row), v128.load64_zero(row + <usize>N));
      v128.store(packed, v128.xor(pairs, zeroPoint));
      row += (<usize>N) << 1;
      packed += 16;
    }
  }
}
