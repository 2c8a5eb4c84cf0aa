/**
 * Every layer that BERT does not have, in the families that have them, against PyTorch: rotary
 * positions, grouped-query heads, RMSNorm and SwiGLU in EuroBERT; local windows, norms without biases
 * and GeGLU in ModernBERT; pre-norm blocks in both; a projection of the embeddings in ELECTRA; no
 * token types in DistilBERT; positions that begin behind padding's id in RoBERTa. Expected values: test/golden/encoder (torch
 * 2.15.0, transformers 5.23.0, float32); cut_golden.py says how they were made.
 */
import { describe, expect, it, test } from "vitest";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../src/engine/ort/wasm-sessions.ts";
import { emptyPrefix, unpackPrefix } from "../../../src/core/model/prefix.ts";
import type { Prefix } from "../../../src/core/model/prefix.ts";
import { PROMPT_EMBEDDINGS } from "../../../src/core/model/shapes.ts";
import { baseConfig, baseFloatWeights, baseWeights } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import type { Weights } from "../../../src/encoder/layers/tensor-spec.ts";
import { prefixGradient } from "../../../bench/golden/prefix-gradient.ts";
import { graphEncoder } from "../../../src/engine/ort/encoder.ts";
import {
  hiddenStates,
  maxDifference,
  meanCosine,
  randomDeltas,
  randomPrefix,
  withSession,
} from "../../support/encode.ts";
import type { TestRow } from "../../support/encode.ts";
import { GOLDEN_HIDDEN, makeGoldenBase, readGolden } from "../../support/golden-encoder.ts";
import type { Golden } from "../../support/golden-encoder.ts";

const RUNTIMES = [
  ["node", createNodeSession],
  ["web", createWasmSession],
] as const;
const PREFIX = 5;

function rowsOf(golden: Golden, base: Base, hasPrefix: boolean): TestRow[] {
  const values = golden.values(PROMPT_EMBEDDINGS);
  const dims = [PREFIX, values.length / PREFIX];
  const prefix = unpackPrefix(values, dims, base.manifest.configuration, "golden");
  return golden.ids.map((ids) => (hasPrefix ? { ids, prefix } : { ids }));
}

const worst = (found: readonly Float32Array[], expected: readonly Float32Array[]): number =>
  Math.max(...found.map((states, i) => maxDifference(states, expected[i]!)));

/** States of one text [t, H] with a position offset. */
async function statesAt(base: Base, ids: readonly number[], offset: number, prefix: Prefix) {
  return withSession(createNodeSession, base, async (session) => {
    const { configuration } = base.manifest;
    const row = { ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length), prefix };
    const states = await graphEncoder(session, configuration).encode(
      [{ ...row, positionOffset: offset }],
      "all",
    );
    return states.values;
  });
}

test("rotary positions are relative: an offset shows only against the keys of a prefix", async () => {
  const golden = readGolden("eurobert");
  const base = await makeGoldenBase(golden, "fp32");
  const ids = golden.ids[1]!;
  const none = emptyPrefix(base.manifest.configuration);
  const some = randomPrefix(base, 4, 1);
  const at = (offset: number, prefix: Prefix) => statesAt(base, ids, offset, prefix);
  expect(maxDifference(await at(0, none), await at(7, none))).toBeLessThan(1e-4);
  expect(maxDifference(await at(0, some), await at(7, some))).toBeGreaterThan(1e-2);
});

describe.each(["distilbert", "electra", "eurobert", "modernbert", "roberta"])("%s", (family) => {
  const golden = readGolden(family);

  describe.each(RUNTIMES)("on %s", (_, open) => {
    it.each([
      ["last_hidden_state", false],
      ["last_hidden_state.prefixed", true],
    ])("gives PyTorch's %s within 2e-4", async (name, hasPrefix) => {
      const base = await makeGoldenBase(golden, "fp32");
      await withSession(open, base, async (session) => {
        const rows = rowsOf(golden, base, hasPrefix);
        const expected = golden.byText(name);
        expect(worst(await hiddenStates(base, session, rows), expected)).toBeLessThan(2e-4);
        const first = await hiddenStates(base, session, rows, "first");
        const ofFirst = expected.map((states) => states.subarray(0, GOLDEN_HIDDEN));
        expect(worst(first, ofFirst)).toBeLessThan(2e-4);
        const [alone] = await hiddenStates(base, session, [rows[1]!]);
        expect(maxDifference(alone!, expected[1]!)).toBeLessThan(2e-4);
      });
    });

    // Random weights of deviation .3 make the softmax sharp, so that roundings move more than in a
    // trained checkpoint: a random BERT made the same way has .9968.
    it("follows float32 in 8 bits", async () => {
      const base = await makeGoldenBase(golden, "int8");
      await withSession(open, base, async (session) => {
        const found = await hiddenStates(base, session, rowsOf(golden, base, true));
        const all = Float32Array.from(found.flatMap((states) => [...states]));
        const expected = Float32Array.from(
          golden.byText("last_hidden_state.prefixed").flatMap((states) => [...states]),
        );
        expect(meanCosine(all, expected, GOLDEN_HIDDEN)).toBeGreaterThan(0.99);
      });
    });
  });

  it("gives rows of different prefixes and deltas in one batch what they get alone", async () => {
    const base = await makeGoldenBase(golden, "int8");
    const withDeltas = (length: number, seed: number): Prefix => ({
      ...randomPrefix(base, length, seed),
      deltas: randomDeltas(base, seed),
    });
    const rows: TestRow[] = [
      { ids: golden.ids[0]!, prefix: withDeltas(4, 1) },
      { ids: golden.ids[4]!, prefix: withDeltas(8, 2) },
      { ids: golden.ids[1]! },
    ];
    await withSession(createWasmSession, base, async (session) => {
      const together = await hiddenStates(base, session, rows);
      for (const [i, row] of rows.entries()) {
        const [alone] = await hiddenStates(base, session, [row]);
        expect(maxDifference(alone!, together[i]!)).toBe(0);
        const [plain] = await hiddenStates(base, session, [{ ids: row.ids }]);
        expect(maxDifference(alone!, plain!) > 0.01).toBe(row.prefix !== undefined);
      }
    });
  });

  it("gives PyTorch's gradient of the prefix", async () => {
    const base = await makeGoldenBase(golden, "fp32");
    const { loss, gradient } = await gradientOf(base, golden, baseFloatWeights(base));
    expect(Math.abs(loss - golden.values("loss")[0]!)).toBeLessThan(1e-5);
    const expected = golden.values("prompt_embeddings.grad");
    const norm = (x: Float32Array): number => Math.hypot(...x);
    const difference = norm(gradient.map((value, i) => value - expected[i]!));
    expect(difference / norm(expected)).toBeLessThan(1e-3);
    expect(meanCosine(gradient, expected, expected.length)).toBeGreaterThan(0.99999);
  });

  // Forward and backward both round; random weights cost as much as they cost the states.
  it("gives nearly the same gradient through 8-bit linears", async () => {
    const base = await makeGoldenBase(golden, "int8");
    const { gradient } = await gradientOf(base, golden, baseWeights(base));
    const expected = golden.values("prompt_embeddings.grad");
    expect(meanCosine(gradient, expected, expected.length)).toBeGreaterThan(0.95);
  });

  it("writes its configuration as it reads it", async () => {
    const base = await makeGoldenBase(golden, "fp32");
    const { architecture, config } = baseConfig(base);
    expect(config).toEqual(architecture.readConfig(golden.config));
  });
});

/** The gradient that PyTorch was asked for. */
function gradientOf(base: Base, golden: Golden, weights: Weights) {
  const values = golden.values(PROMPT_EMBEDDINGS);
  return prefixGradient(base, weights, {
    rows: golden.ids.map((ids) => ({
      ids: Int32Array.from(ids),
      typeIds: new Int32Array(ids.length),
    })),
    weights: golden.byText("weights"),
    prompt: { dims: [PREFIX, values.length / PREFIX], values },
  });
}
