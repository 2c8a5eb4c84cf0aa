/**
 * Minimizes a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms
 * 7.4 and 7.5): the last steps and the changes of the gradient along them stand in for the inverse
 * Hessian. Float64 throughout and no randomness, so equal inputs give equal bits on one machine.
 */

/** Value at `at`; writes the gradient there into `gradient`. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

export interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
  /** Largest absolute element of the gradient. */
  readonly slope: number;
  readonly iterations: number;
}

interface MinimizeOptions {
  /** Ends where no element of the gradient is larger. */
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** Pairs of steps and changes that are kept. */
const MEMORY = 10;
/** Share of the decrease that the slope promises; more is asked of no step (Armijo). */
const DECREASE = 1e-4;
/** Halvings after which a direction is given up: rounding hides what is left. */
const MAX_HALVINGS = 30;

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step . change) */
  readonly rho: number;
}

/** The minimum as seen from `start`, which is not changed. */
export function minimize(
  objective: Objective,
  start: Float64Array,
  { tolerance, maxIterations }: MinimizeOptions,
): Minimum {
  let at = start.slice();
  let gradient = new Float64Array(at.length);
  let value = objective(at, gradient);
  let pairs: readonly Pair[] = [];
  let iterations = 0;
  for (; iterations < maxIterations && largest(gradient) > tolerance; iterations++) {
    const direction = directionOf(gradient, pairs);
    const descent = dot(direction, gradient);
    const next = new Float64Array(at.length);
    const nextGradient = new Float64Array(at.length);
    let nextValue = Infinity;
    let share = 1;
    for (let halving = 0; halving < MAX_HALVINGS; halving++, share /= 2) {
      for (let i = 0; i < at.length; i++) next[i] = at[i]! + share * direction[i]!;
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + DECREASE * share * descent) break;
      nextValue = Infinity;
    }
    if (nextValue === Infinity) break;
    const step = next.map((element, i) => element - at[i]!);
    const change = nextGradient.map((element, i) => element - gradient[i]!);
    const curvature = dot(step, change);
    // Along a line that is flat up to rounding there is no curvature to learn.
    if (curvature > 0) pairs = [...pairs.slice(1 - MEMORY), { step, change, rho: 1 / curvature }];
    [at, gradient, value] = [next, nextGradient, nextValue];
  }
  return { at, value, slope: largest(gradient), iterations };
}

/** - inverse Hessian . gradient, by the two-loop recursion. */
function directionOf(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((element) => -element);
  const shares = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, rho } = pairs[i]!;
    shares[i] = rho * dot(step, direction);
    add(direction, -shares[i]!, change);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
  }
  for (const [i, { step, change, rho }] of pairs.entries()) {
    add(direction, shares[i]! - rho * dot(change, direction), step);
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** target += factor * values */
function add(target: Float64Array, factor: number, values: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * values[i]!;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}
