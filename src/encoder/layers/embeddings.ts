/**
 * Input embeddings: the sum of a word table's rows and, where the family has them, of a position
 * table and a table of token types; then trained prompt embeddings behind them, then a norm,
 * then a projection to the layers' width.
 */
import type { TensorOf } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { scaleName } from "../../graph/quantization/int8.ts";
import { gatherPacked, signedTable } from "../../graph/quantization/packed-table.ts";
import type { EncoderInputs } from "./inputs.ts";
import { linear, linearTensors } from "./linear.ts";
import type { LinearSpec } from "./linear.ts";
import { norm, normTensors } from "./norm.ts";
import type { NormSpec } from "./norm.ts";
import type { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec } from "./tensor-spec.ts";

export interface TableSpec {
  readonly name: string;
  readonly rows: number;
}

export interface EmbeddingsSpec {
  readonly width: number; // E, H unless there is a projection
  readonly words: TableSpec; // [V, E]
  /** null where positions enter by rotation. */
  readonly positions: TableSpec | null;
  readonly types: TableSpec | null;
  readonly norm: NormSpec | null;
  /** Leads from the tables' width to the layers'. */
  readonly projection: LinearSpec | null; // [E, H]
}

export function embeddingsTensors(spec: EmbeddingsSpec): TensorSpec[] {
  const { width, words, positions, types } = spec;
  const table = ({ name, rows }: TableSpec, kind: TensorSpec["kind"]): TensorSpec => ({
    name,
    dims: [rows, width],
    kind,
  });
  return [
    table(words, "words"),
    ...(positions ? [table(positions, "positions")] : []),
    ...(types ? [table(types, "float")] : []),
    ...(spec.norm ? normTensors(spec.norm) : []),
    ...(spec.projection ? linearTensors(spec.projection) : []),
  ];
}

/** Sum of the tables' rows [B*T, E], and the word table's rows alone. */
export function embed(
  w: StoredWeights,
  spec: EmbeddingsSpec,
  inputs: EncoderInputs,
): { embedded: Value; wordRows: Value } {
  const { g } = w;
  const rowsOf = ({ name }: TableSpec, ids: Value): Value =>
    lookup(w, name, ops.Reshape(g, ids, [-1]), spec.width); // [B, T] -> [B*T, E]
  const wordRows = rowsOf(spec.words, inputs.inputIds);
  const positions = spec.positions && rowsOf(spec.positions, inputs.positionIds);
  const types = spec.types && rowsOf(spec.types, inputs.tokenTypeIds);
  const typed = types ? ops.Add(g, wordRows, types) : wordRows;
  return { embedded: positions ? ops.Add(g, typed, positions) : typed, wordRows };
}

/** What the first layer reads, as rows: x normed and projected, where the family does that. */
export function enterLayers(w: StoredWeights, spec: EmbeddingsSpec, x: Value): Value {
  const normed = w.texts.rows(spec.norm ? norm(w, spec.norm, x) : x);
  return spec.projection ? linear(w, spec.projection, { x: normed }) : normed;
}

/** Rows of a table: [n] ids -> [n, width] float32. */
function lookup(w: StoredWeights, name: string, ids: Value, width: number): Value {
  const { g } = w;
  const stored = w.isReplaced(name) ? undefined : w.stored.get(name);
  const packed = stored?.dtype === "uint8" ? (stored as TensorOf<"uint8">) : null;
  if (packed && !w.form.isTrained) {
    const values = g.shared(name, () => packed);
    return gatherPacked(g, { values, scale: w.tensor(scaleName(name)) }, ids, width);
  }
  const table = packed ? g.shared(name, () => signedTable(packed, width)) : w.tensor(name);
  const rows = ops.Gather(g, table, ids);
  if (table.dtype !== "int8") return rows;
  const scale = ops.Gather(g, w.tensor(scaleName(name)), ids); // [n, 1]
  return ops.Mul(g, ops.Cast(g, rows, "float32"), scale);
}

/**
 * Appends the trained input embeddings to every text's own: [B*T, E] -> [B*(T+S), E]. They follow
 * the tokens, so that the first T positions stay the text's; attention itself knows no order. The
 * mask's columns for them come first, as a prefix's do, and move to the end with them.
 */
export function withPrompt(
  g: Graph,
  embedded: Value,
  inputs: EncoderInputs,
): { embedded: Value; inputs: EncoderInputs } {
  const { prompt, inputIds, attentionMask } = inputs;
  if (!prompt) return { embedded, inputs };
  const width = Number(embedded.dims.at(-1));
  const texts = ops.Shape(g, inputIds, 0, 1);
  const byPosition = ops.Concat(g, [texts, g.ints(-1, width)], 0);
  const spread = ops.Concat(g, [texts, ops.Shape(g, prompt, 0, 2)], 0);
  // From here on a text is T+S positions long; the encoder goes on calling them T.
  const all = g.add(
    "Concat",
    [
      ops.ReshapeTo(g, embedded, byPosition, ["B", "T", width]),
      ops.Expand(g, prompt, spread, ["B", "S", width]),
    ],
    { axis: 1 },
    { dims: ["B", "T", width] },
  );
  const length = ops.Shape(g, prompt, 0, 1);
  const end = g.ints(2 ** 31 - 1);
  const mask = g.add(
    "Concat",
    [
      ops.Slice(g, attentionMask, length, end, 1, ["B", "T"]),
      ops.Slice(g, attentionMask, g.ints(0), length, 1, ["B", "P"]),
    ],
    { axis: 1 },
    { dims: attentionMask.dims },
  );
  return {
    embedded: ops.Reshape(g, all, [-1, width]),
    inputs: { ...inputs, attentionMask: mask },
  };
}
