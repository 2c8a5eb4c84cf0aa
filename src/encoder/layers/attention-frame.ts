/**
 * What the attention of all layers shares: shapes known only at run time, the padding of the
 * columns, and the biases that hide columns, one for all tokens and one for each local window.
 *
 * The columns of the scores are the prefix, the tokens and a padding: P+T+R.
 */
import type { Dim, Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { EncoderInputs } from "./inputs.ts";
import { firstOf, rotation, tabledRotation } from "./rotary.ts";
import type { Rotation } from "./rotary.ts";

/** The heads of a layer. Query heads share key heads in groups of heads / kvHeads. */
export interface HeadSizes {
  readonly heads: number; // N
  readonly kvHeads: number;
  readonly headSize: number; // D
}

/**
 * Added to the scores of masked columns. Finite, so that a row with nothing to attend to gives
 * numbers and not NaN; large enough that exp() of the difference is exactly 0.
 */
const MASKED = -1e9;

/**
 * Columns are padded to a multiple of this. ONNX Runtime's softmax adds up vectors of 4 lanes and
 * then a scalar tail, so without it the last bit of a sum depends on how far a batch is padded;
 * with it, and a prefix length that is a multiple too, an answer in wasm is the same bit for bit
 * alone and in any batch. (One flipped bit flips roundings of an 8-bit graph and cascades.)
 */
const COLUMN_MULTIPLE = 4;

export interface FrameOptions {
  /** Takes the products with scale and transpose in one op, which has no gradient here. */
  readonly isServed?: boolean;
  /**
   * Attends in up to four groups of heads: the scores are by far the largest tensors of a long text
   * (13 MB for 12 heads and 512 tokens, twice), and wasm memory never shrinks.
   */
  readonly isLean?: boolean;
  /** As GraphForm has it. */
  readonly tabledPositions?: number | undefined;
}

export class AttentionFrame {
  readonly g: Graph;
  readonly sizes: HeadSizes;
  readonly isServed: boolean;
  /** Sizes of the groups of heads that are attended one after the other. */
  readonly headGroups: readonly number[];
  readonly columns: Value; // (P+T)
  readonly padding: Value; // [B, kvHeads, R, D] zeros
  /** Shapes of queries and keys by position; (B, Q, N, D) for queries of the last layer. */
  readonly tokens: Value; // (B, -1, N, D)
  readonly keys: Value; // (B, -1, kvHeads, D)
  readonly queries: Value; // (B, Q, N, D)
  readonly output: Value; // (B, Q, H)
  readonly #inputs: EncoderInputs;
  readonly #tabledPositions: number | undefined;
  readonly #visible: Value; // [B, 1, 1, P+T+R]
  readonly #made = new Map<string, Value>();
  readonly #rotations = new Map<string, Rotation>();

  constructor(
    g: Graph,
    sizes: HeadSizes,
    hidden: number,
    inputs: EncoderInputs,
    { isServed = false, isLean = false, tabledPositions }: FrameOptions = {},
  ) {
    const { heads, kvHeads, headSize } = sizes;
    const batch = ops.Shape(g, inputs.inputIds, 0, 1);
    const [ofQueries, ofKeys, size] = [g.ints(heads), g.ints(kvHeads), g.ints(headSize)];
    // R = -(P+T) modulo the multiple.
    const columns = ops.Shape(g, inputs.attentionMask, 1, 2);
    const negative = ops.Mul(g, columns, g.ints(COLUMN_MULTIPLE - 1));
    const rest = g.add("Mod", [negative, g.ints(COLUMN_MULTIPLE)]); // (R)
    const filled = (value: number, shape: Value, dims: readonly Dim[]): Value =>
      ops.Expand(g, g.scalar(value), shape, dims);

    const hidden01 = ops.Sub(g, g.scalar(1), ops.Cast(g, inputs.attentionMask, "float32"));
    const bias = ops.Concat(
      g,
      [
        ops.Mul(g, hidden01, g.scalar(MASKED)),
        filled(MASKED, ops.Concat(g, [batch, rest], 0), ["B", "R"]),
      ],
      1,
    );
    const groups = isLean ? [4, 3, 2, 1].find((count) => heads % count === 0)! : 1;
    const shapeOf = (length: Value, count: Value): Value =>
      ops.Concat(g, [batch, length, count, size], 0);
    this.g = g;
    this.sizes = sizes;
    this.isServed = isServed;
    this.#tabledPositions = tabledPositions;
    this.headGroups = Array.from({ length: groups }, () => heads / groups);
    this.#inputs = inputs;
    this.#visible = ops.Unsqueeze(g, bias, 1, 2);
    this.columns = columns;
    this.padding = filled(0, ops.Concat(g, [batch, ofKeys, rest, size], 0), [
      "B",
      kvHeads,
      "R",
      headSize,
    ]);
    this.tokens = shapeOf(g.ints(-1), ofQueries);
    this.queries = shapeOf(inputs.queryLength, ofQueries);
    this.output = ops.Concat(g, [batch, inputs.queryLength, g.ints(hidden)], 0);
    this.keys = kvHeads === heads ? this.tokens : shapeOf(g.ints(-1), ofKeys);
  }

  /**
   * 0 where a query may attend, MASKED elsewhere: [B, 1, 1, P+T+R], or [B, 1, T, P+T+R] with a
   * window, of which the last layer takes the first Q rows. In a local layer a token sees the tokens
   * at most `window` positions away, and every virtual token.
   */
  bias(window: number | null, isLast: boolean): Value {
    const { g } = this;
    if (window === null) return this.#visible;
    const local = this.#once(`${window}`, () => ops.Add(g, this.#visible, this.#far(window)));
    if (!isLast) return local;
    const { queryLength } = this.#inputs;
    const dims = ["B", 1, "Q", local.dims[3]!];
    return this.#once(`${window} first`, () =>
      ops.Slice(g, local, g.ints(0), queryLength, 2, dims),
    );
  }

  /** MASKED where two tokens are further apart than `window`: [T, P+T+R]. */
  #far(window: number): Value {
    const { g } = this;
    const { inputIds, past, prompt } = this.#inputs;
    const length = ops.Shape(g, inputIds, 1, 2); // (T)
    const scalar = (x: Value): Value => ops.Squeeze(g, x, 0);
    const zero = scalar(g.ints(0));
    const range = g.add("Range", [zero, scalar(length), scalar(g.ints(1))], {}, { dims: ["T"] });
    const at = ops.Cast(g, range, "float32");
    const apart = ops.Abs(g, ops.Sub(g, ops.Unsqueeze(g, at, 1), ops.Unsqueeze(g, at, 0)));
    const isFar = g.add("Greater", [apart, g.scalar(window)]);
    const far = ops.Where(g, isFar, g.scalar(MASKED), g.scalar(0)); // [T, T]
    // Zeros for the prefix before, the padding behind, and trained input embeddings.
    const before = ops.Shape(g, past[0]!.key, 2, 3);
    const total = ops.Shape(g, this.#visible, 3, 4);
    const behind = ops.Sub(g, ops.Sub(g, total, length), before);
    const below = prompt ? ops.Shape(g, prompt, 0, 1) : g.ints(0);
    const pads = ops.Concat(g, [g.ints(0), before, below, behind], 0);
    return g.add("Pad", [far, pads], {}, { dims: ["T", this.#visible.dims[3]!] });
  }

  /** The rotation of the tokens by `theta`; for queries of the last layer of the first Q. */
  rotation(theta: number, isFirstOnly: boolean): Rotation {
    const known = this.#rotations.get(`${theta} ${isFirstOnly}`);
    if (known) return known;
    const made = isFirstOnly
      ? firstOf(this.g, this.rotation(theta, false), this.#inputs)
      : this.#allRotations(theta);
    this.#rotations.set(`${theta} ${isFirstOnly}`, made);
    return made;
  }

  #allRotations(theta: number): Rotation {
    const { headSize } = this.sizes;
    const count = this.#tabledPositions;
    return count === undefined
      ? rotation(this.g, this.#inputs, headSize, theta)
      : tabledRotation(this.g, this.#inputs, headSize, theta, count);
  }

  #once(key: string, make: () => Value): Value {
    const value = this.#made.get(key) ?? make();
    this.#made.set(key, value);
    return value;
  }
}
