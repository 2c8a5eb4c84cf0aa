/**
 * Four floats at a time. Constants come from memory: V8 builds a v128.const anew at every use, in
 * several instructions, while a load to all lanes is one.
 */

/** 1.5 * 2^23: added to a float, it leaves the nearest integer (halves to even) in the low bits. */
const ROUNDING: usize = memory.data<f32>([12582912]);
/** The other bits of such a sum. */
export const ROUNDING_BITS: i32 = 0x4b400000;

export class Lanes {
  /** Number i of a table of constants, in all lanes. */
  @inline static constant(table: usize, i: i32): v128 {
    return v128.load32_splat(table + ((<usize>i) << 2));
  }

  @inline static rounding(): v128 {
    return v128.load32_splat(ROUNDING);
  }

  @inline static multiplyAdd(a: v128, b: v128, c: v128): v128 {
    return f32x4.add(f32x4.mul(a, b), c);
  }

  /** The lower eight bytes of each, in turn. */
  @inline static interleaved(a: v128, b: v128): v128 {
    return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  }

  /** Eight numbers as the nearest int16. `rounding` and `bits` are those of all lanes, kept in registers. */
  @inline static whole(low: v128, high: v128, rounding: v128, bits: v128): v128 {
    return i16x8.narrow_i32x4_s(
      i32x4.sub(f32x4.add(low, rounding), bits),
      i32x4.sub(f32x4.add(high, rounding), bits),
    );
  }

  @inline static sum(v: v128): f32 {
    const low = f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1);
    return low + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
  }

  /** The largest of four; without f32.max, which branches. */
  @inline static top(v: v128): f32 {
    const halves = f32x4.pmax(v, i64x2.shuffle(v, v, 1, 0));
    return f32x4.extract_lane(f32x4.pmax(halves, i32x4.shuffle(halves, halves, 1, 0, 3, 2)), 0);
  }
}
