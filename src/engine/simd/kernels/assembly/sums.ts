/** Sums of whole arrays: deltas of vectors, the mix of layers. */
import { Lanes } from "./lanes";

export function add(n: i32, x: usize, y: usize, out: usize): void {
  const end = x + ((<usize>n) << 2);
  for (; x < end; x += 16, y += 16, out += 16) {
    v128.store(out, f32x4.add(v128.load(x), v128.load(y)));
  }
}

export function addScaled(n: i32, share: f32, x: usize, out: usize): void {
  const shares = f32x4.splat(share);
  const end = x + ((<usize>n) << 2);
  for (; x < end; x += 16, out += 16) {
    v128.store(out, Lanes.multiplyAdd(v128.load(x), shares, v128.load(out)));
  }
}
