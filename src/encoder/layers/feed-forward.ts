/**
 * The feed-forward block of a layer, [M, H] -> [M, H]:
 *   plain   down(activation(up(x)))
 *   gated   down(activation(gate(x)) * up(x))     (GLU variants, arXiv 2002.05202: GeGLU, SwiGLU)
 *   joined  the gated form with gate and up in one matrix [H, 2I], the gate's half first
 */
import type { Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { Activation } from "../../graph/ops.ts";
import { activated, activatedLinear, linear, linearTensors } from "./linear.ts";
import type { LinearSpec } from "./linear.ts";
import type { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec } from "./tensor-spec.ts";

export type FeedForwardSpec = {
  readonly activation: Activation;
  readonly down: LinearSpec; // [I] -> [H]
} & (
  | { readonly form: "plain"; readonly up: LinearSpec } // [H] -> [I]
  | { readonly form: "gated"; readonly gate: LinearSpec; readonly up: LinearSpec }
  | { readonly form: "joined"; readonly up: LinearSpec } // [H] -> [2I]
);

/** Minimum of each activation, rounded away from zero (exact: -0.16997, -0.17004, -0.27846). */
const MINIMUM: Readonly<Record<Activation, number>> = {
  gelu: -0.1701,
  gelu_new: -0.1701,
  gelu_pytorch_tanh: -0.1701,
  relu: 0,
  silu: -0.2785,
};

/** Lower bound of what `down` reads; a product of gate and up has none. */
const minOf = ({ form, activation }: FeedForwardSpec): number | undefined =>
  form === "plain" ? MINIMUM[activation] : undefined;

export const feedForwardTensors = (spec: FeedForwardSpec): TensorSpec[] => [
  ...(spec.form === "gated" ? linearTensors(spec.gate) : []),
  ...linearTensors(spec.up),
  ...linearTensors(spec.down, minOf(spec)),
];

export function feedForward(w: StoredWeights, spec: FeedForwardSpec, x: Value): Value {
  const widened = widen(w, spec, x); // [M, I]
  return linear(w, spec.down, w.rows(widened, { min: minOf(spec) }));
}

function widen(w: StoredWeights, spec: FeedForwardSpec, x: Value): Value {
  const { g } = w;
  const { activation, up } = spec;
  const rows = w.rows(x, { inputScale: up.inputScale });
  switch (spec.form) {
    case "plain":
      return activatedLinear(w, up, rows, activation);
    case "gated":
      return ops.Mul(g, activatedLinear(w, spec.gate, rows, activation), linear(w, up, rows));
    case "joined": {
      const both = linear(w, up, rows); // [M, 2I]
      const axis = both.dims.length - 1;
      const sizes = g.ints(up.outputs / 2, up.outputs / 2);
      const [gate, value] = g.addAll("Split", [both, sizes], { axis }, { outputs: 2 });
      return ops.Mul(g, activated(w, gate!, activation), value!);
    }
    default:
      return spec satisfies never;
  }
}
