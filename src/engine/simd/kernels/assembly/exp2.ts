/**
 * 2^x over an array of floats: a whole power for the exponent's bits, times a polynomial. Its steps
 * depend on one another, so four vectors take each step together: the CPU has something to do
 * while a step is on its way.
 */
import { Lanes } from "./lanes";

const CONSTANTS: usize = memory.data<f32>([
  -127, // smallest and largest power
  126,
  // 2^f on [-1/2, 1/2], by powers of f: minimax with 2^0 = 1, relative error below 2e-7
  1,
  0.6931470036506653,
  0.24022242426872253,
  0.05550733581185341,
  0.009671512991189957,
  0.001326472731307149,
]);

/** Eight zeros, to take nothing from powers. */
export const ZEROS: usize = memory.data(32, 16);

/**
 * Replaces `count` floats by 2^(x - less), and up to 15 behind them; `less` has eight floats, for every
 * eight of x. Powers are cut to [-127, 126]; 2^-127 is 0, as its exponent's bits are.
 */
export function exp2(count: i32, x: usize, less: usize): void {
  const less0 = v128.load(less);
  const less1 = v128.load(less, 16);
  for (const end = x + ((<usize>count) << 2); x < end; x += 64) {
    const smallest = Lanes.constant(CONSTANTS, 0);
    const largest = Lanes.constant(CONSTANTS, 1);
    const rounding = Lanes.rounding();
    for (const [$i, $half] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ]) {
      const power$i = f32x4.sub(v128.load(x, 16 * $i), less$half);
      const cut$i = f32x4.pmax(f32x4.pmin(power$i, largest), smallest);
      const shifted$i = f32x4.add(cut$i, rounding);
      const f$i = f32x4.sub(cut$i, f32x4.sub(shifted$i, rounding));
    }
    const highest = Lanes.constant(CONSTANTS, 7);
    const next = Lanes.constant(CONSTANTS, 6);
    for (const $i of [0, 1, 2, 3]) {
      let value$i = Lanes.multiplyAdd(highest, f$i, next);
    }
    for (const $n of [5, 4, 3, 2]) {
      const coefficient$n = Lanes.constant(CONSTANTS, $n);
      for (const $i of [0, 1, 2, 3]) {
        value$i = Lanes.multiplyAdd(value$i, f$i, coefficient$n);
      }
    }
    for (const $i of [0, 1, 2, 3]) {
      v128.store(x, i32x4.add(value$i, i32x4.shl(shifted$i, 23)), 16 * $i);
    }
  }
}
