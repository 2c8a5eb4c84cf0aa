/** Rotary positions: (a, b) -> (a cos - b sin, b cos + a sin), a and b half a head apart. */

export function rotate(
  M: i32,
  heads: i32,
  D: i32,
  x: usize,
  stride: usize,
  positions: usize,
  angles: usize,
): void {
  const half = (<usize>((D + 7) & ~7)) << 1; // bytes of half a head, with its zeros
  for (let m = 0; m < M; m++) {
    const cosines = angles + <usize>load<u32>(positions + ((<usize>m) << 2)) * 2 * half;
    for (let head = 0; head < heads; head++) {
      const first = x + <usize>m * stride + <usize>head * 2 * half;
      for (let at: usize = 0; at < half; at += 16) {
        const cos = v128.load(cosines + at);
        const sin = v128.load(cosines + half + at);
        const a = v128.load(first + at);
        const b = v128.load(first + half + at);
        v128.store(first + at, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
        v128.store(first + half + at, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
      }
    }
  }
}
