/**
 * Optimizers as functions over named arrays, shaped as in optax: `init` makes the state, `update`
 * turns gradients into updates and a new state, `applyUpdates` adds them.
 *
 * State is plain data (a counter and named Float32Arrays), so saving and resuming a run is writing
 * and reading those arrays. Arithmetic is float64, storage float32: the same inputs give the same
 * bits on every machine. Numbers agree with torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 */
import { MismatchError } from "../../core/errors.ts";
import type { Arrays } from "../graph/parameters.ts";

/** Step number, counted from 0 -> learning rate. */
export type Schedule = (step: number) => number;

/** One optimizer: nothing is remembered between calls except what `state` holds. */
export interface Optimizer<State> {
  init(params: Arrays): State;
  /**
   * Updates are to be added to `params`. The moments of `state` are donated: the new ones are written
   * over them, so the caller uses only the state that is returned. New arrays for the moments of a
   * whole model would take longer than the arithmetic. `grads` and `params` are not changed.
   */
  update(grads: Arrays, state: State, params: Arrays): { updates: Arrays; state: State };
}

export interface AdamwState {
  /** Updates made so far. */
  readonly step: number;
  /** Running mean of the gradients. */
  readonly mean: Arrays;
  /** Running mean of the squared gradients. */
  readonly variance: Arrays;
}

export interface AdamwOptions {
  readonly learningRate: number | Schedule;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled: scaled by the learning rate, never mixed into the moments. */
  readonly weightDecay?: number;
  /** Parameters that move at another rate or keep their size, by name. */
  readonly groups?: Readonly<Record<string, ParameterGroup>>;
}

/** As torch's parameter groups. */
export interface ParameterGroup {
  /** Factor on the learning rate. */
  readonly rate: number;
  readonly hasDecay: boolean;
}

/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) with bias correction; torch's defaults. */
export function adamw({
  learningRate,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0.01,
  groups = {},
}: AdamwOptions): Optimizer<AdamwState> {
  const rateAt: Schedule = typeof learningRate === "number" ? () => learningRate : learningRate;
  return {
    init: (params) => ({ step: 0, mean: zerosLike(params), variance: zerosLike(params) }),

    update(grads, state, params) {
      const baseRate = rateAt(state.step);
      const step = state.step + 1;
      const updates: Record<string, Float32Array> = {};
      // The moments start at zero; dividing by these undoes the pull towards it.
      const meanCorrection = 1 - beta1 ** step;
      const varianceCorrection = 1 - beta2 ** step;
      for (const [name, param] of Object.entries(params)) {
        const group = groups[name];
        const rate = baseRate * (group?.rate ?? 1);
        const decay = group?.hasDecay === false ? 0 : weightDecay;
        const grad = pick("gradient", grads, name, param.length);
        const m = pick("mean", state.mean, name, param.length);
        const v = pick("variance", state.variance, name, param.length);
        const update = (updates[name] = new Float32Array(param.length));
        for (let i = 0; i < param.length; i++) {
          const g = grad[i]!;
          // So are most rows of a word table. The division below would come to the same.
          if (g === 0 && m[i] === 0 && v[i] === 0) {
            update[i] = -rate * (decay * param[i]!);
            continue;
          }
          m[i] = beta1 * m[i]! + (1 - beta1) * g;
          v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
          const direction =
            m[i]! / meanCorrection / (Math.sqrt(v[i]! / varianceCorrection) + epsilon);
          update[i] = -rate * (direction + decay * param[i]!);
        }
      }
      return { updates, state: { ...state, step } };
    },
  };
}

/** New parameters: `params + updates`. */
export function applyUpdates(params: Arrays, updates: Arrays): Record<string, Float32Array> {
  const result: Record<string, Float32Array> = {};
  for (const [name, param] of Object.entries(params)) {
    const update = pick("update", updates, name, param.length);
    // Loops, here and below: map() takes four times as long, and whole models have 22 million numbers.
    const next = (result[name] = new Float32Array(param.length));
    for (let i = 0; i < param.length; i++) next[i] = param[i]! + update[i]!;
  }
  return result;
}

/** Square root of the sum of all squares over all arrays; NaN or infinite when any gradient is. */
export function globalNorm(grads: Arrays): number {
  let sum = 0;
  for (const grad of Object.values(grads)) {
    for (let i = 0; i < grad.length; i++) sum += grad[i]! * grad[i]!;
  }
  return Math.sqrt(sum);
}

/**
 * Scales all gradients by one factor so that their global norm is at most `maxNorm`; `norm` is the
 * norm before. A norm that is not finite is returned as it is, for the caller to stop on.
 */
export function clipByGlobalNorm(grads: Arrays, maxNorm: number): { grads: Arrays; norm: number } {
  const norm = globalNorm(grads);
  const factor = maxNorm / (norm + 1e-6); // torch's guard against division by zero
  if (!(factor < 1)) return { grads, norm };
  const clipped: Record<string, Float32Array> = {};
  for (const [name, grad] of Object.entries(grads)) {
    const scaled = (clipped[name] = new Float32Array(grad.length));
    for (let i = 0; i < grad.length; i++) scaled[i] = grad[i]! * factor;
  }
  return { grads: clipped, norm };
}

/**
 * Rises linearly to `peak` over `warmupSteps` (the first step already learns), then falls linearly
 * and reaches 0 at `totalSteps`. 0 warm-up steps start at `peak`.
 */
export function warmupLinearDecay({
  peak,
  warmupSteps,
  totalSteps,
}: {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}): Schedule {
  return (step) => {
    if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
    const left = (totalSteps - step) / Math.max(1, totalSteps - warmupSteps);
    return peak * Math.min(1, Math.max(0, left));
  };
}

function zerosLike(params: Arrays): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(params).map(([name, param]) => [name, new Float32Array(param.length)]),
  );
}

function pick(kind: string, arrays: Arrays, name: string, length: number): Float32Array {
  const array = arrays[name];
  if (array?.length === length) return array;
  throw new MismatchError(
    "optimizer-state-mismatch",
    `${kind} of "${name}": found ${array ? `${array.length} numbers` : "none"}, the parameter has ${length}`,
  );
}
