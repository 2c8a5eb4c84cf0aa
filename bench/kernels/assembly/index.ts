/**
 * The most that a CPU can do of what the kernels do most: nothing but the multiplications and sums, on
 * sums that stay in registers. How many sums are quickest depends on the CPU, so there are loops of
 * 10 to 13. AssemblyScript, compiled as the kernels are.
 */

/** Sums and two factors, all zero. */
const VECTORS: usize = memory.data(15 * 16, 16);

for (const $n of [10, 11, 12, 13]) {
  /** `turns` times 2 n products of the matrix product's kind, 16 operations each. */
  export function integer$n(turns: i32): void {
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

  /** The same with attention's products, 8 operations each. */
  export function float$n(turns: i32): void {
    const x = v128.load(VECTORS, 208);
    const y = v128.load(VECTORS, 224);
    for (const $i of upTo($n)) {
      let sum$i = v128.load(VECTORS, 16 * $i);
    }
    for (let i = 0; i < turns; i++) {
      for (const $i of upTo($n)) {
        sum$i = f32x4.add(y, f32x4.mul(x, sum$i));
      }
      for (const $i of upTo($n)) {
        sum$i = f32x4.add(x, f32x4.mul(y, sum$i));
      }
    }
    for (const $i of upTo($n)) {
      v128.store(VECTORS, sum$i, 16 * $i);
    }
  }
}
