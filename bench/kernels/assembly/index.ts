/**
 * The most that a CPU can do of what the kernels do most: nothing but the multiplications and sums, on
 * sums that stay in registers. How many sums are quickest depends on the CPU, so there are loops of
 * 10 to 13. AssemblyScript, compiled as the kernels are.
 */

/** Sums and two factors, all zero. */
const VECTORS: usize = memory.data(15 * 16, 16);

for (const $n of [10, 11, 12, 13]) {
  /** `turns` times 2 n products as matrices and attention take them, 16 operations each. */
  export function bound$n(turns: i32): void {
    const x = v128.load(VECTORS, 208);
    const y = v128.load(VECTORS, 224);
    for (const $i of upTo($n)) {
      let sum$i = v128.load(VECTORS, 16 * $i);
    }
    for (let i = 0; i < turns; i++) {
      for (const $i of upTo($n)) {
        sum$i = i32x4.add(sum$i, i32x4.dot_i16x8_s(x, sum$i));
      }
      for (const $i of upTo($n)) {
        sum$i = i32x4.add(sum$i, i32x4.dot_i16x8_s(y, sum$i));
      }
    }
    for (const $i of upTo($n)) {
      v128.store(VECTORS, sum$i, 16 * $i);
    }
  }
}
