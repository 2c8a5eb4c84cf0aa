/** The settings of a base: what its family writes into the manifest, and reads back from there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/core/text.ts";
import { configurationOf } from "../../../src/encoder/base.ts";
import { ARCHITECTURES } from "../../../src/encoder/families/families.ts";
import { tinyCheckpoint } from "../../support/tiny-base.ts";

type Config = Record<string, unknown>;

/** config.json of a family's golden checkpoint, see test/golden/encoder/cut_golden.py. */
const golden = (family: string): Config => {
  const path = join(import.meta.dirname, "..", "..", "golden", "encoder", `${family}.json`);
  return JSON.parse(readFileSync(path, "utf8")) as Config;
};

/** A config.json of each family, and a setting that changes the mathematics. */
const CASES: Readonly<Record<string, { json: Config; other: Config }>> = {
  bert: {
    json: parseJson(tinyCheckpoint(1).config, "config.json") as Config,
    other: { layer_norm_eps: 1e-3 },
  },
  // The epsilon of its norms is no setting.
  distilbert: { json: golden("distilbert"), other: { activation: "relu" } },
  electra: { json: golden("electra"), other: { embedding_size: 32 } },
  eurobert: { json: golden("eurobert"), other: { rms_norm_eps: 1e-3 } },
  modernbert: { json: golden("modernbert"), other: { norm_eps: 1e-3 } },
  roberta: { json: golden("roberta"), other: { pad_token_id: 3 } },
  "xlm-roberta": {
    json: { ...golden("roberta"), model_type: "xlm-roberta" },
    other: { layer_norm_eps: 1e-3 },
  },
};

describe.each(Object.entries(ARCHITECTURES))("a base of the family %s", (family, architecture) => {
  const { json, other } = CASES[family]!;
  const of = (config: unknown) => configurationOf(architecture, architecture.readConfig(config));

  it("reads from its manifest what it reads from config.json", () => {
    expect(architecture.readConfig(of(json))).toEqual(architecture.readConfig(json));
  });

  it("writes into its manifest what it has read from there", () => {
    expect(of(of(json))).toEqual(of(json));
  });

  it("has the same settings whatever config.json says beside them", () => {
    expect(of({ ...json, _name_or_path: "x", classifier_dropout: 0.5 })).toEqual(of(json));
  });

  it("has other settings where the mathematics differ", () => {
    expect(of({ ...json, ...other })).not.toEqual(of(json));
  });

  it("has the same settings whether config.json spells a default out or not", () => {
    const { pad_token_id: _, ...short } = json;
    expect(of(short)).toEqual(of({ ...short, pad_token_id: of(short).pad_token_id }));
  });
});
