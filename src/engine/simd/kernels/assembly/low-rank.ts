/**
 * The two products of a low-rank change, in float32: few columns, so rows are what is tiled. A number
 * is summed in the same order in a tile of any size: a row's bits do not depend on its neighbours.
 */
import { Lanes } from "./lanes";

/** Rows of the next tile: single ones are few, and forms for two and three would be more code than use. */
function tileOf(left: i32): i32 {
  return left < 4 ? 1 : 4;
}

/** Tiles of 4 rows or 1 by 2 ranks or 1, four inputs at a time. */
export function reduceRank(
  M: i32,
  K: i32,
  R: i32,
  x: usize,
  stride: usize,
  a: usize,
  out: usize,
): void {
  const width = (<usize>K) << 2;
  for (let m = 0, rows = 0; m < M; m += rows) {
    rows = tileOf(M - m);
    const first = x + <usize>m * stride;
    for (let r = 0; r < R; r += 2) {
      const ranks = min(R - r, 2);
      const factors = a + <usize>r * width;
      const to = out + ((<usize>(m * R + r)) << 2);
      for (const [$rows, $ranks] of [
        [1, 1],
        [1, 2],
        [4, 1],
        [4, 2],
      ]) {
        if (rows === $rows && ranks === $ranks) {
          for (const $m of upTo($rows)) {
            for (const $r of upTo($ranks)) {
              let sum$m_$r = f32x4.splat(0);
            }
          }
          for (let at: usize = 0; at < width; at += 16) {
            for (const $r of upTo($ranks)) {
              const a$r = v128.load(factors + at + <usize>$r * width);
            }
            for (const $m of upTo($rows)) {
              const x$m = v128.load(first + at + <usize>$m * stride);
              for (const $r of upTo($ranks)) {
                sum$m_$r = Lanes.multiplyAdd(x$m, a$r, sum$m_$r);
              }
            }
          }
          for (const $m of upTo($rows)) {
            for (const $r of upTo($ranks)) {
              store<f32>(to + ((<usize>($m * R + $r)) << 2), Lanes.sum(sum$m_$r));
            }
          }
        }
      }
    }
  }
}

/** Tiles of 4 rows or 1 by 8 columns, which stay in registers over all ranks. */
export function addByRank(
  M: i32,
  N: i32,
  R: i32,
  h: usize,
  b: usize,
  bStride: usize,
  out: usize,
  stride: usize,
): void {
  const rank = (<usize>R) << 2;
  const end = (<usize>N) << 2;
  for (let m = 0, rows = 0; m < M; m += rows) {
    rows = tileOf(M - m);
    const to = out + <usize>m * stride;
    for (let column: usize = 0; column < end; column += 32) {
      for (const $rows of [1, 4]) {
        if (rows === $rows) {
          for (const $m of upTo($rows)) {
            const to$m = to + <usize>$m * stride + column;
            let y$m_0 = v128.load(to$m);
            let y$m_1 = v128.load(to$m, 16);
          }
          let shares = h + <usize>m * rank;
          let factors = b + column;
          for (let r = 0; r < R; r++) {
            const b0 = v128.load(factors);
            const b1 = v128.load(factors, 16);
            for (const $m of upTo($rows)) {
              const share$m = v128.load32_splat(shares + <usize>$m * rank);
              y$m_0 = Lanes.multiplyAdd(share$m, b0, y$m_0);
              y$m_1 = Lanes.multiplyAdd(share$m, b1, y$m_1);
            }
            shares += 4;
            factors += bStride;
          }
          for (const $m of upTo($rows)) {
            v128.store(to$m, y$m_0);
            v128.store(to$m, y$m_1, 16);
          }
        }
      }
    }
  }
}
