/** Tiny checkpoints of other architectures: hidden states, and the gradient of a prefix. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { loadEncoder } from "../../scripts/base/open-base.ts";
import { EdgePrefixError, FormatError } from "../../src/core/errors.ts";
import { emptyPrefix, unpackPrefix } from "../../src/core/model/prefix.ts";
import { LAST_HIDDEN_STATE, PROMPT_EMBEDDINGS, gradOf } from "../../src/core/model/shapes.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { baseFloatWeights } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { LOSS } from "../../src/learn/graph/training-graph.ts";
import { atMost, cosineAtLeast, skipped, vectorDifference } from "./compare.ts";
import type { Check } from "./compare.ts";
import { encode, readBatch, worstRow } from "./encoder.ts";
import type { Batch } from "./encoder.ts";
import { EXPECTED, floats, folders, readJson, readTensors } from "./files.ts";
import { prefixGradient } from "./prefix-gradient.ts";

const GRADIENT = "grad.safetensors";
const MAX_ARCHITECTURE_DIFFERENCE = 2e-4;
const MAX_LOSS_DIFFERENCE = 1e-4;
const MAX_RELATIVE_L2 = 1e-3;
const MIN_COSINE = 0.99999;

/** Tiny random checkpoints, without and with a prefix; an architecture not supported is skipped. */
export async function checkArchitectures(dir: string): Promise<Check[]> {
  const checks: Check[] = [];
  for (const name of (await folders(dir)).toSorted()) {
    const path = join(dir, name);
    try {
      checks.push(...(await checkArchitecture(name, path)));
    } catch (error) {
      const isUnsupported = error instanceof FormatError && error.code.endsWith("-unsupported");
      const detail = error instanceof EdgePrefixError ? error.message : String(error);
      const failed = atMost(name, "max_abs_difference", NaN, MAX_ARCHITECTURE_DIFFERENCE, detail);
      checks.push(isUnsupported ? skipped(name, detail) : failed);
    }
  }
  return checks;
}

async function checkArchitecture(name: string, dir: string): Promise<Check[]> {
  const options = { name: "golden", dtype: "fp32", created: new Date() } as const;
  const base = await importCheckpoint(await readCheckpoint(dir, name), options);
  const golden = await readTensors(join(dir, EXPECTED));
  const { rows } = readBatch(golden);
  const offset = Number(
    ((await readJson(join(dir, "expected.json"))) as { position_offset?: number })
      .position_offset ?? 0,
  );
  const embeddings = golden.at(PROMPT_EMBEDDINGS);
  const prefix = unpackPrefix(
    floats(embeddings),
    embeddings.dims,
    base.manifest.configuration,
    name,
  );
  const encoder = await loadEncoder(base, "node");
  const plain = await encode(encoder, rows, emptyPrefix(base.manifest.configuration), 0);
  const prefixed = await encode(encoder, rows, prefix, offset);
  await encoder.release();
  const states = [
    [`${name} hidden`, plain, LAST_HIDDEN_STATE] as const,
    [`${name} hidden with prefix`, prefixed, `${LAST_HIDDEN_STATE}.prefixed`] as const,
  ].map(([label, found, tensor]) =>
    atMost(
      label,
      "max_abs_difference",
      worstRow(found, floats(golden.at(tensor))),
      MAX_ARCHITECTURE_DIFFERENCE,
    ),
  );
  return [...states, ...(await checkGradient(name, base, dir, rows, embeddings))];
}

/** The gradient of the prefix, in grad.safetensors where there is one. */
async function checkGradient(
  name: string,
  base: Base,
  dir: string,
  rows: Batch["rows"],
  prompt: Tensor,
): Promise<Check[]> {
  if (!(await readdir(dir)).includes(GRADIENT)) {
    return [skipped(`${name} gradient`, `there is no ${GRADIENT}`)];
  }
  const golden = await readTensors(join(dir, GRADIENT));
  const weights = golden.at("weights"); // [B, T, H]
  const [, width, hidden] = weights.dims as [number, number, number];
  const all = floats(weights);
  const { loss, gradient } = await prefixGradient(base, baseFloatWeights(base), {
    rows,
    weights: rows.map(({ ids }, b) => {
      const from = b * width * hidden;
      return all.subarray(from, from + ids.length * hidden);
    }),
    prompt: { dims: prompt.dims, values: floats(prompt) },
  });
  const expected = floats(golden.at(gradOf(PROMPT_EMBEDDINGS)));
  const { relativeL2, cosine } = vectorDifference(gradient, expected);
  const difference = Math.abs(loss - floats(golden.at(LOSS))[0]!);
  return [
    atMost(`${name} loss`, "max_abs_difference", difference, MAX_LOSS_DIFFERENCE),
    atMost(`${name} gradient of the prefix`, "relative_l2", relativeL2, MAX_RELATIVE_L2),
    cosineAtLeast(`${name} gradient of the prefix`, cosine, MIN_COSINE),
  ];
}
