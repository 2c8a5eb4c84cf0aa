/** Which bases may be published: near to their checkpoint, and small enough for an isolate. */
import { beforeAll, describe, expect, it, test } from "vitest";
import { SHAPES } from "../../../bench/memory/shapes.ts";
import { checkFitness, doubtsAbout, forecastOfBase } from "../../../scripts/base/fitness.ts";
import { forecastOf, remedyFor, tablesThatFit } from "../../../scripts/base/forecast.ts";
import { sha256 } from "../../../scripts/node/hash.ts";
import { readBaseManifest } from "../../../src/core/format/manifest.ts";
import { withFidelity } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { load } from "../../../src/encoder/loaded-base.ts";
import type { EncoderConfig } from "../../../src/encoder/families/architecture.ts";
import { architectureOf } from "../../../src/encoder/families/families.ts";
import { simdNodeEngine } from "../../../scripts/node/runtime-simd.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

const NEAR = { cosine: 0.999, worst_cosine: 0.99, same_neighbours: 1 };

let base: Base;
beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
});

const configOf = (name: string, changes: Record<string, unknown> = {}): EncoderConfig => {
  const config = { ...SHAPES.find((shape) => shape.name === name)!.config, ...changes };
  return architectureOf(config).readConfig(config);
};

describe("a base's fidelity", () => {
  it("stands in the manifest and leaves the identity as it is", async () => {
    const { manifest, files } = withFidelity(base, NEAR);
    const read = await readBaseManifest(files.get("manifest.json")!, sha256);
    expect(read.fidelity).toEqual(NEAR);
    expect(read.identity).toBe(base.manifest.identity);
    expect(doubtsAbout(manifest)).toEqual([]);
  });

  it.each([
    [{ ...NEAR, cosine: 0.97 }, /cosine 0.9700 on average.*expected are 0.98 and 90 %/],
    [{ ...NEAR, same_neighbours: 0.8 }, /80 % of the texts keep their nearest neighbour/],
  ])("%j is below the floor", (fidelity, message) => {
    const check = () => checkFitness({ ...base.manifest, fidelity });
    expect(check).toThrow(expect.objectContaining({ code: "base-inaccurate" }));
    expect(check).toThrow(message);
  });

  it("is not asked of bases that were never compared, such as distilled ones", () => {
    expect(() => checkFitness(base.manifest)).not.toThrow();
  });
});

describe("a forecast of memory", () => {
  it("is what the kernels' memory takes when the base is loaded", async () => {
    const encoder = await load(simdNodeEngine, base);
    const { weights } = forecastOfBase(base.manifest)!;
    // Memory grows by pages of 64 kB; the kernels' own data lies below the weights.
    expect(encoder.memoryBytes() - weights).toBeGreaterThan(0);
    expect(encoder.memoryBytes() - weights).toBeLessThan(3 * 65_536);
    await encoder.release();
  });

  // The measured figures: `bench memory --shapes all`, wasm memory after 1x512 in workerd.
  test.each([
    ["minilm-l6", 28.2],
    ["distilbert", 77.5],
    ["multilingual-minilm", 75.7],
    ["ettin-32m", 38.1],
  ])("of %s is within 4 %% of the measured %s MB", (name, megabytes) => {
    const { tables } = SHAPES.find((shape) => shape.name === name)!;
    const { weights, run } = forecastOf(configOf(name), tables);
    expect(Math.abs((weights + run) / (1e6 * megabytes) - 1)).toBeLessThan(0.04);
  });

  it("chooses compact tables only where int8 ones do not fit", () => {
    expect(tablesThatFit(configOf("distilbert"))).toBe("int8");
    expect(tablesThatFit(configOf("multilingual-minilm"))).toBe("compact");
    expect(remedyFor(configOf("multilingual-minilm"), "int8")).toContain("--tables compact");
  });

  it("says how many words would fit where even compact tables do not", () => {
    const large = configOf("distilbert", { vocab_size: 250_000 });
    expect(forecastOf(large, "compact").fits).toBe(false);
    expect(remedyFor(large, "int8")).toMatch(/cut its vocabulary of 250000 words to \d+000 with/);
    const hopeless = configOf("distilbert", { n_layers: 24 });
    expect(remedyFor(hopeless, "compact")).toBeNull();
  });

  it("refuses what is larger than an isolate, with the numbers and what helps", () => {
    const { manifest } = base;
    const configuration = { ...manifest.configuration, vocab_size: 2_000_000 };
    const check = () => checkFitness({ ...manifest, configuration });
    expect(check).toThrow(expect.objectContaining({ code: "base-too-large" }));
    expect(check).toThrow(/expected peak in an isolate of 128 MB: \d+ MB .* does not fit; cut its/);
  });
});
