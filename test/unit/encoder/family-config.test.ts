/** What the families' config.json files may say, in the forms of transformers 4 and 5. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { architectureOf } from "../../../src/encoder/families/families.ts";
import type { BlockSpec } from "../../../src/encoder/layers/block.ts";

const golden = join(import.meta.dirname, "..", "..", "golden", "encoder");
const settingsOf = (family: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(golden, `${family}.json`), "utf8")) as Record<string, unknown>;

/** Reads the family's settings with some of them changed; undefined takes a field away. */
function read(family: string, changes: Record<string, unknown>) {
  const json: unknown = JSON.parse(JSON.stringify({ ...settingsOf(family), ...changes }));
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

test.each([
  ["eurobert", { num_key_value_heads: 3 }, "config-invalid", /4 does not divide into .* 3/],
  ["eurobert", { head_dim: 7 }, "config-invalid", /size of a head is 7, expected an even/],
  ["eurobert", { attention_bias: 1 }, "config-invalid", /"attention_bias" is not true or false/],
  [
    "eurobert",
    { rope_parameters: { rope_theta: 1e4, rope_type: "yarn" } },
    "architecture-unsupported",
    /rope_type is "yarn"; supported is "default"/,
  ],
  [
    "eurobert",
    { rope_parameters: undefined, rope_scaling: { factor: 2 } },
    "architecture-unsupported",
    /rope_scaling is set/,
  ],
  [
    "modernbert",
    { layer_types: ["sliding_attention", "full_attention"] },
    "architecture-unsupported",
    /layer_types is sliding_attention, full_attention; supported is full_attention every 3/,
  ],
  ["modernbert", { hidden_activation: "mish" }, "activation-unsupported", /is "mish"/],
  ["distilbert", { activation: "mish" }, "activation-unsupported", /is "mish"/],
  ["distilbert", { n_heads: 5 }, "config-invalid", /dim 48 does not divide into n_heads 5/],
  [
    "roberta",
    { position_embedding_type: "relative_key" },
    "architecture-unsupported",
    /position_embedding_type is "relative_key"; supported is "absolute"/,
  ],
  ["electra", { is_decoder: true }, "architecture-unsupported", /is_decoder is true/],
])("%s with %j is refused as %s", (family, changes, code, message) => {
  const attempt = () => read(family, changes);
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(expect.objectContaining({ code }));
});
