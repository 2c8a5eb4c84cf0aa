/** The settings of a base: what its family writes into the manifest, and reads back from there. */
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/core/text.ts";
import { baseConfig, configurationOf } from "../../../src/encoder/base.ts";
import { ARCHITECTURES } from "../../../src/encoder/families/families.ts";
import { makeTinyBase, tinyCheckpoint } from "../../support/tiny-base.ts";

describe.each(Object.entries(ARCHITECTURES))("a base of the family %s", (_, architecture) => {
  const json = parseJson(tinyCheckpoint(1).config, "config.json") as Record<string, unknown>;

  it("reads from its manifest what it reads from config.json", async () => {
    const base = await makeTinyBase({ dtype: "fp32", seed: 1 });
    expect(baseConfig(base)).toEqual({ architecture, config: architecture.readConfig(json) });
  });

  it("has the same settings whether config.json spells a default out or not", () => {
    const { hidden_act: _, layer_norm_eps: _eps, pad_token_id: _pad, ...short } = json;
    const of = (config: unknown) => configurationOf(architecture, architecture.readConfig(config));
    expect(of(short)).toEqual(of(json));
    expect(of({ ...json, _name_or_path: "x", hidden_dropout_prob: 0.5 })).toEqual(of(json));
    expect(of({ ...json, layer_norm_eps: 1e-5 })).not.toEqual(of(json));
  });
});
