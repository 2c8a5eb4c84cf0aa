/**
 * Four floats at a time. Constants come from memory: V8 builds a v128.const anew at every use, in
 * several instructions, while a load to all lanes is one.
 */

const CONSTANTS: usize = memory.data<f32>([
  -127, // smallest and largest power of exp2
  126,
  12582912, // 1.5 * 2^23, see ROUNDING_BITS
  // 2^f on [-1/2, 1/2], by powers of f: minimax with 2^0 = 1, relative error below 2e-7
  1,
  0.6931470036506653,
  0.24022242426872253,
  0.05550733581185341,
  0.009671512991189957,
  0.001326472731307149,
]);

/** Adding this float leaves the nearest integer (halves to even) in the low bits, plus these bits. */
export const ROUNDING_BITS: i32 = 0x4b400000;

export class Lanes {
  @inline static rounding(): v128 {
    return v128.load32_splat(CONSTANTS, 8);
  }

  @inline static multiplyAdd(a: v128, b: v128, c: v128): v128 {
    return f32x4.add(f32x4.mul(a, b), c);
  }

  @inline static sum(v: v128): f32 {
    const low = f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1);
    return low + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
  }

  @inline static top(v: v128): f32 {
    const low = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
    return max(low, max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
  }

  /**
   * 2^x: a whole power for the exponent's bits, times a polynomial. x is cut to [-127, 126], and 2^-127
   * is 0: its exponent's bits are.
   */
  @inline static exp2(x: v128): v128 {
    const cut = f32x4.pmin(
      f32x4.pmax(x, v128.load32_splat(CONSTANTS, 0)),
      v128.load32_splat(CONSTANTS, 4),
    );
    const shifted = f32x4.add(cut, Lanes.rounding());
    const f = f32x4.sub(cut, f32x4.sub(shifted, Lanes.rounding()));
    let power = v128.load32_splat(CONSTANTS, 32);
    power = Lanes.multiplyAdd(power, f, v128.load32_splat(CONSTANTS, 28));
    power = Lanes.multiplyAdd(power, f, v128.load32_splat(CONSTANTS, 24));
    power = Lanes.multiplyAdd(power, f, v128.load32_splat(CONSTANTS, 20));
    power = Lanes.multiplyAdd(power, f, v128.load32_splat(CONSTANTS, 16));
    power = Lanes.multiplyAdd(power, f, v128.load32_splat(CONSTANTS, 12));
    return i32x4.add(power, i32x4.shl(shifted, 23));
  }
}
