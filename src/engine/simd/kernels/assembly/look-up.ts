/** Rows of a table of embeddings, in each of the forms that a base stores. */

import { Lanes } from "./lanes";

/** The values of TABLE in ../kernels.ts. */
const FLOAT32 = 0;
const INT8 = 1;
const UINT8 = 2;

export function lookUp(
  M: i32,
  H: i32,
  ids: usize,
  table: usize,
  form: i32,
  scales: usize,
  adds: i32,
  out: usize,
): void {
  for (let m = 0; m < M; m++) {
    const id = <usize>load<u32>(ids + ((<usize>m) << 2));
    const first = id * <usize>H;
    const scale = form === FLOAT32 ? f32x4.splat(1) : v128.load32_splat(scales + (id << 2));
    for (let k = 0; k < H; k += 8) {
      const at = first + <usize>k;
      let low: v128, high: v128;
      if (form === FLOAT32) {
        low = v128.load(table + (at << 2));
        high = v128.load(table + (at << 2), 16);
      } else {
        const integers = Stored.eight(table, form, at);
        low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(integers));
        high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(integers));
      }
      low = f32x4.mul(low, scale);
      high = f32x4.mul(high, scale);
      const to = out + ((<usize>(m * H + k)) << 2);
      if (adds) {
        low = f32x4.add(low, v128.load(to));
        high = f32x4.add(high, v128.load(to, 16));
      }
      v128.store(to, low);
      v128.store(to, high, 16);
    }
  }
}

class Stored {
  /** Eight integers of a table from number `at` on, as int16. */
  @inline static eight(table: usize, form: i32, at: usize): v128 {
    if (form === INT8) return v128.load8x8_s(table + at);
    if (form === UINT8) return i16x8.sub(v128.load8x8_u(table + at), i16x8.splat(128));
    const bytes = v128.load32_zero(table + (at >> 1));
    const low = v128.and(bytes, i8x16.splat(15));
    const high = i8x16.shr_u(bytes, 4);
    const inOrder = Lanes.interleaved(low, high);
    return i16x8.extend_low_i8x16_s(i8x16.sub(inOrder, i8x16.splat(8)));
  }
}
