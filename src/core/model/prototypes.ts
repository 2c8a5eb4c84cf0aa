/**
 * How familiar a text is to a task: the cosine of its pooled state with the nearest of the task's
 * prototypes, which are directions that the states of training texts have. A text that fits no label
 * lies far from all of them. Nearest neighbours find such texts better than the head's own logits do
 * (Sun et al., arXiv 2204.06507); a few prototypes a label find about as many as all rows would.
 */

/** Directions in the space of the pooled states. */
export interface Prototypes {
  /** Rows of unit length times 127, rounded: [M, H]. */
  readonly directions: Int8Array;
  /** Length of each row as it is stored: [M]. */
  readonly norms: Float64Array;
}

/** Prototypes of the stored rows [M, H]; a row of zeros is like no text. */
export function prototypesOf(directions: Int8Array, hidden: number): Prototypes {
  const norms = new Float64Array(directions.length / hidden);
  for (let m = 0; m < norms.length; m++) {
    let sum = 0;
    for (let h = 0; h < hidden; h++) sum += directions[m * hidden + h]! ** 2;
    norms[m] = Math.sqrt(sum);
  }
  return { directions, norms };
}

/** The largest cosine of a pooled state [H] with a prototype: -1 to 1, and -1 for a state of zeros. */
export function familiarity(state: Float32Array, { directions, norms }: Prototypes): number {
  const hidden = state.length;
  let own = 0;
  for (let h = 0; h < hidden; h++) own += state[h]! ** 2;
  const length = Math.sqrt(own);
  let most = -1;
  for (let m = 0; m < norms.length; m++) {
    let product = 0;
    for (let h = 0; h < hidden; h++) product += state[h]! * directions[m * hidden + h]!;
    const cosine = product / (length * norms[m]!);
    if (cosine > most) most = cosine;
  }
  return most;
}
