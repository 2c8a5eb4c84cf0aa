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

/** A config.json of each family, and the name that it gives to the epsilon of its norms. */
const CASES: Readonly<Record<string, { json: Config; epsilon: string }>> = {
  bert: {
    json: parseJson(tinyCheckpoint(1).config, "config.json") as Config,
    epsilon: "layer_norm_eps",
  },
  eurobert: { json: golden("eurobert"), epsilon: "rms_norm_eps" },
  modernbert: { json: golden("modernbert"), epsilon: "norm_eps" },
};

describe.each(Object.entries(ARCHITECTURES))("a base of the family %s", (family, architecture) => {
  const { json, epsilon } = CASES[family]!;
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
    expect(of({ ...json, [epsilon]: 1e-3 })).not.toEqual(of(json));
  });

  it("has the same settings whether config.json spells a default out or not", () => {
    const { pad_token_id: _, ...short } = json;
    expect(of(short)).toEqual(of({ ...short, pad_token_id: of(short).pad_token_id }));
  });
});
