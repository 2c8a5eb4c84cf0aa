/** What the families' config.json files may say, in the forms of transformers 4 and 5. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { ARCHITECTURES, architectureOf } from "../../../src/encoder/families/families.ts";
import type { BlockSpec } from "../../../src/encoder/layers/block.ts";

const golden = join(import.meta.dirname, "..", "..", "golden", "encoder");
const settingsOf = (family: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(golden, `${family}.json`), "utf8")) as Record<string, unknown>;

/** Of BERT and XLM-RoBERTa there are no golden values beside those of their relatives. */
const RELATIVES: Readonly<Record<string, string>> = { bert: "roberta", "xlm-roberta": "roberta" };

/** Reads the family's settings with some of them changed; undefined takes a field away. */
function read(family: string, changes: Record<string, unknown>) {
  const settings = { ...settingsOf(RELATIVES[family] ?? family), model_type: family };
  const json: unknown = JSON.parse(JSON.stringify({ ...settings, ...changes }));
  return architectureOf(json).readConfig(json);
}

const blocksOf = (family: string, changes: Record<string, unknown>): readonly BlockSpec[] =>
  read(family, changes).encoder.blocks;

describe("eurobert", () => {
  it("takes the angles of transformers 4 and their default", () => {
    const theta = (changes: Record<string, unknown>): number | null =>
      blocksOf("eurobert", { rope_parameters: undefined, ...changes })[0]!.attention.rotaryTheta;
    expect(theta({ rope_theta: 500_000 })).toBe(500_000);
    expect(theta({})).toBe(250_000);
  });

  it("has as many key heads as query heads unless it says otherwise", () => {
    expect(read("eurobert", {}).kvHeads).toBe(2);
    expect(read("eurobert", { num_key_value_heads: undefined }).kvHeads).toBe(4);
  });
});

describe("modernbert", () => {
  it("is global in layer 0 and every third, local in the others, with angles of their own", () => {
    const attention = blocksOf("modernbert", {}).map((block) => [
      block.attention.window,
      block.attention.rotaryTheta,
    ]);
    expect(attention).toEqual([
      [null, 160_000],
      [8, 10_000],
      [8, 10_000],
      [null, 160_000],
    ]);
  });

  it("reads the two angles of transformers 4, where null is that of the global layers", () => {
    const thetas = (local: unknown): (number | null)[] =>
      blocksOf("modernbert", {
        rope_parameters: undefined,
        layer_types: undefined,
        global_rope_theta: 80_000,
        local_rope_theta: local,
      }).map((block) => block.attention.rotaryTheta);
    expect(thetas(5_000)).toEqual([80_000, 5_000, 5_000, 80_000]);
    expect(thetas(null)).toEqual([80_000, 80_000, 80_000, 80_000]);
    expect(thetas(undefined)).toEqual([80_000, 10_000, 10_000, 80_000]);
  });
});

describe("roberta", () => {
  it("begins at the position behind padding's id, which is 1 unless it says otherwise", () => {
    expect(read("roberta", {}).firstPosition).toBe(
      1 + Number(settingsOf("roberta")["pad_token_id"]),
    );
    expect(read("roberta", { pad_token_id: undefined }).firstPosition).toBe(2);
  });
});

describe("electra", () => {
  const embeddings = (changes: Record<string, unknown>) =>
    read("electra", changes).encoder.embeddings;

  it("projects embeddings of another width than the layers'", () => {
    expect(embeddings({})).toMatchObject({
      width: 24,
      projection: { name: "embeddings_project", inputs: 24, outputs: 48 },
    });
  });

  it("has no projection where both are equally wide, or no width of embeddings is given", () => {
    expect(embeddings({ embedding_size: 48 })).toMatchObject({ width: 48, projection: null });
    expect(embeddings({ embedding_size: undefined }).projection).toBeNull();
  });
});

test.each([
  ["distilbert", {}],
  ["electra", {}],
  ["electra", { embedding_size: 48 }],
  ["roberta", {}],
  ["eurobert", {}],
  ["eurobert", { attention_bias: true, mlp_bias: true, head_dim: 8, num_key_value_heads: 4 }],
  ["modernbert", {}],
  ["modernbert", { norm_bias: true, attention_bias: true, mlp_bias: true }],
  ["modernbert", { num_hidden_layers: 1, layer_types: ["full_attention"] }],
  ["modernbert", { layer_types: undefined, global_attn_every_n_layers: 2, local_attention: 6 }],
  ["modernbert", { layer_types: undefined, global_attn_every_n_layers: 1 }],
])("%s with %j is read back from what it writes", (family, changes) => {
  const config = read(family, changes);
  const architecture = architectureOf({ model_type: family });
  const again = architecture.readConfig(architecture.writeConfig(config));
  expect(again).toEqual(config);
  expect(architecture.writeConfig(again)).toEqual(architecture.writeConfig(config));
});

// Every value that transformers' modeling files compute otherwise, by the families that could have it.
type Refusal = readonly [changes: Record<string, unknown>, code: string, message: RegExp];
const one = (changes: Record<string, unknown>, message: RegExp): Refusal => [
  changes,
  "architecture-unsupported",
  message,
];
const OF_ALL: readonly Refusal[] = [
  one({ is_decoder: true }, /is_decoder is true; supported is false/),
  one({ add_cross_attention: true }, /add_cross_attention is true; supported is false/),
];
const activation = (field: string): Refusal => [
  { [field]: "mish" },
  "activation-unsupported",
  new RegExp(`: ${field} is "mish"; supported are gelu,`),
];
const OF_BERTS: readonly Refusal[] = [
  ...OF_ALL,
  ...["relative_key", "relative_key_query", "alibi", "rotary"].map((kind) =>
    one(
      { position_embedding_type: kind },
      new RegExp(`position_embedding_type is "${kind}"; supported is "absolute"`),
    ),
  ),
  one({ num_key_value_heads: 1 }, /num_key_value_heads is 1; supported is \d/),
  one({ head_dim: 7 }, /head_dim is 7; supported is \d/),
];
const BERT: readonly Refusal[] = [...OF_BERTS, activation("hidden_act")];
const OF_ROTARY: readonly Refusal[] = [
  ...OF_ALL,
  one({ rope_scaling: { factor: 2 } }, /rope_scaling is \{"factor":2\}; supported is null/),
  one({ partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5; supported is 1/),
  [{ attention_bias: 1 }, "config-invalid", /"attention_bias" is not true or false/],
];
const rope = (changes: Record<string, unknown>) => ({
  rope_parameters: { rope_theta: 1e4, ...changes },
});
const localRope = (changes: Record<string, unknown>) => ({
  rope_parameters: {
    full_attention: { rope_theta: 1e4 },
    sliding_attention: { rope_theta: 1e4, ...changes },
  },
});
const REFUSED: Readonly<Record<string, readonly Refusal[]>> = {
  bert: BERT,
  roberta: BERT,
  "xlm-roberta": BERT,
  electra: BERT,
  distilbert: [
    ...OF_BERTS,
    activation("activation"),
    [{ n_heads: 5 }, "config-invalid", /dim 48 does not divide into n_heads 5/],
  ],
  modernbert: [
    ...OF_ROTARY,
    activation("hidden_activation"),
    one(localRope({ rope_type: "linear" }), /rope_type is "linear"; supported is "default"/),
    one(
      { layer_types: ["sliding_attention", "full_attention"] },
      /layer_types is sliding_attention, full_attention; supported is full_attention every 3/,
    ),
    one({ sliding_window: 7 }, /sliding_window is 7; supported is 8/),
    one({ num_key_value_heads: 1 }, /num_key_value_heads is 1; supported is 4/),
  ],
  eurobert: [
    ...OF_ROTARY,
    activation("hidden_act"),
    one(rope({ rope_type: "yarn" }), /rope_type is "yarn"; supported is "default"/),
    one(rope({ type: "linear" }), /type is "linear"; supported is "default"/),
    one(rope({ partial_rotary_factor: 0.25 }), /partial_rotary_factor is 0.25/),
    one({ sliding_window: 64 }, /sliding_window is 64; supported is null/),
    one({ layer_types: ["sliding_attention"] }, /layer_types is \["sliding_attention"\]/),
    one({ clip_qkv: 8 }, /clip_qkv is 8; supported is null/),
    [{ num_key_value_heads: 3 }, "config-invalid", /4 does not divide into .* 3/],
    [{ head_dim: 7 }, "config-invalid", /size of a head is 7, expected an even/],
  ],
};

test("every family is in the table of refusals", () => {
  expect(Object.keys(REFUSED).toSorted()).toEqual(Object.keys(ARCHITECTURES).toSorted());
});

describe.each(Object.entries(REFUSED))("%s", (family, refusals) => {
  test.each(refusals)("with %j is refused as %s", (changes, code, message) => {
    expect(() => read(family, {})).not.toThrow();
    const attempt = () => read(family, changes);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code }));
  });

  test("takes null for what it does not know, as transformers 5 writes it", () => {
    const nothing = { rope_scaling: null, sliding_window: null, head_dim: null };
    expect(() => read(family, nothing)).not.toThrow();
  });
});
