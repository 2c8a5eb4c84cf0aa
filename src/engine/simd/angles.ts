/**
 * Angles of rotary positions (encoder/layers/rotary.ts): their cosines and sines, worked out once for
 * every position that has been asked for.
 */

export class Angles {
  readonly #headSize: number;
  /** By the base of the angles: [positions, 2, D/2]. */
  readonly #known = new Map<number, Float32Array>();

  constructor(headSize: number) {
    this.#headSize = headSize;
  }

  /** Cosines and sines of the first `positions` positions: [positions, 2, D/2]. */
  of(theta: number, positions: number): Float32Array {
    const length = positions * this.#headSize;
    let known = this.#known.get(theta);
    if (!known || known.length < length) {
      known = anglesOf(theta, positions, this.#headSize);
      this.#known.set(theta, known);
    }
    return known.subarray(0, length);
  }
}

/** In float32 as the models have it: theirs is the rounding of the angles, too. */
function anglesOf(theta: number, positions: number, headSize: number): Float32Array {
  const half = headSize / 2;
  const speeds = Float32Array.from({ length: half }, (_, i) => theta ** (-i / half));
  const angles = new Float32Array(positions * headSize);
  for (let position = 0; position < positions; position++) {
    for (const [i, speed] of speeds.entries()) {
      const angle = Math.fround(position * speed);
      angles[position * headSize + i] = Math.cos(angle);
      angles[position * headSize + half + i] = Math.sin(angle);
    }
  }
  return angles;
}
