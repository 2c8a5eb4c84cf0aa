/**
 * Angles of rotary positions (encoder/layers/rotary.ts): their cosines and sines, worked out once for
 * every position that has been asked for.
 */
import { lengthOf } from "./padding.ts";
import type { Axis } from "./padding.ts";

export class Angles {
  readonly #head: Axis;
  /** By the base of the angles: [positions, 2, D/2], zeros behind each half where a head has them. */
  readonly #known = new Map<number, Float32Array>();

  /** `head` is the axis of one head. */
  constructor(head: Axis) {
    this.#head = head;
  }

  /** Cosines and sines of the first `positions` positions: [positions, 2, D/2]. */
  of(theta: number, positions: number): Float32Array {
    const length = positions * lengthOf(this.#head);
    let known = this.#known.get(theta);
    if (!known || known.length < length) {
      known = anglesOf(theta, positions, this.#head);
      this.#known.set(theta, known);
    }
    return known.subarray(0, length);
  }
}

/** In float32 as the models have it: theirs is the rounding of the angles, too. */
function anglesOf(theta: number, positions: number, head: Axis): Float32Array {
  const width = lengthOf(head);
  const half = (head.runs * head.run) / 2;
  const speeds = Float32Array.from({ length: half }, (_, i) => theta ** (-i / half));
  const angles = new Float32Array(positions * width);
  for (let position = 0; position < positions; position++) {
    const cosines = angles.subarray(position * width);
    const sines = cosines.subarray(width / 2);
    for (const [i, speed] of speeds.entries()) {
      const angle = Math.fround(position * speed);
      cosines[i] = Math.cos(angle);
      sines[i] = Math.sin(angle);
    }
  }
  return angles;
}
