/**
 * The two ends of round_trip.py, which says how to run it:
 *
 *     node test/golden/peft/tasks.ts make CHECKPOINTS OUT     random tasks, exported, with their logits
 *     node test/golden/peft/tasks.ts check CHECKPOINTS OUT    adapters that PEFT saved, imported
 *
 * Of every checkpoint: prefixes that count positions from 0 and from P, LoRA with two ranks, LoRA with a
 * changed bias; heads of texts and of tags, and of the bare encoder.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCheckpoint } from "../../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../../scripts/base/convert.ts";
import { loadEncoder } from "../../../scripts/base/open-base.ts";
import { sha256 } from "../../../scripts/node/hash.ts";
import { exportAdapter } from "../../../scripts/peft/export.ts";
import { writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { EdgePrefixError } from "../../../src/core/errors.ts";
import { loraA, loraB } from "../../../src/core/model/low-rank.ts";
import type { Pooling } from "../../../src/core/model/head.ts";
import { prefixWidth } from "../../../src/core/model/prefix.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  INPUT_IDS,
  LAYER_WEIGHTS,
  PROMPT_EMBEDDINGS,
} from "../../../src/core/model/shapes.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import type { TensorOf } from "../../../src/core/model/tensor.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { baseConfig } from "../../../src/encoder/base.ts";
import { deltaSpecs } from "../../../src/encoder/forms/deltas.ts";
import { lowRankLinears } from "../../../src/encoder/forms/low-rank.ts";
import { derive, keyOf, normals } from "../../../src/learn/random.ts";
import { UNMEASURED, packTask } from "../../../src/learn/task/packed-task.ts";
import { checkAdapters, readBatch, taskLogits } from "../../../bench/golden/encoder.ts";
import { EXPECTED, folders, readTensors } from "../../../bench/golden/files.ts";

const [P, C] = [5, 3];
const LABELS = ["no", "maybe", "yes"];
const CHANGES = ["prefix", "prefix-from-p", "lora", "lora-bias"] as const;
const HEADS = ["pooler", "none", "mean", "cls"] as const satisfies readonly Pooling[];

const [action, checkpoints, out] = process.argv.slice(2) as [string, string, string];
let failed = 0;
for (const family of (await folders(checkpoints)).toSorted()) {
  const dir = join(checkpoints, family);
  const options = { name: family, dtype: "fp32", created: new Date(0) } as const;
  const base = await importCheckpoint(await readCheckpoint(dir, family), options);
  if (action === "make") await makeTasks(family, base, join(dir, EXPECTED));
  else await checkSaved(family, base);
}
process.exitCode = failed === 0 ? 0 : 1;

/** Exports every task that can be exported, with the logits that it has here. */
async function makeTasks(family: string, base: Base, texts: string): Promise<void> {
  const golden = await readTensors(texts);
  const { rows } = readBatch(golden);
  const [, width] = golden.at(INPUT_IDS).dims as [number, number];
  const encoder = await loadEncoder(base, "node");
  mkdirSync(join(out, family), { recursive: true });
  writeFileSync(join(out, family, "hidden.safetensors"), readFileSync(texts));
  for (const change of CHANGES) {
    for (const pooling of HEADS) {
      if (pooling === "pooler" && base.manifest.pooler === null) continue;
      const tensors = new Map([...changeOf(change, base), ...headOf(base)]);
      const offset = change === "prefix-from-p" ? P : 0;
      const facts = {
        task: `${change}-${pooling}`,
        type: pooling === "none" ? "token" : "sequence",
        problem_type: "single_label_classification",
        labels: LABELS,
        num_virtual_tokens: change.startsWith("prefix") ? P : 0,
        position_offset: offset,
        pooling,
        max_length: width,
        ...UNMEASURED,
        created: new Date(0).toISOString(),
      } as const;
      const packed = await packTask(facts, base.manifest, tensors, "float32", sha256);
      const logits = await taskLogits(base, encoder, packed.task, rows);
      const size = pooling === "none" ? width * C : C;
      const padded = new Float32Array(rows.length * size);
      logits.forEach((values, b) => padded.set(values, b * size));
      const dims = pooling === "none" ? [rows.length, width, C] : [rows.length, C];
      for (const features of [false, true]) {
        try {
          const settings = { model: join(checkpoints, family), features };
          const { files } = exportAdapter(packed.task, packed.prefixBytes, base, settings);
          const to = join(out, family, `${facts.task}${features ? "-features" : ""}`);
          mkdirSync(to, { recursive: true });
          for (const [name, bytes] of files) writeFileSync(join(to, name), bytes);
          const expected = new Map([["logits", float32(dims, padded)]]);
          writeFileSync(join(to, EXPECTED), writeSafetensors(expected));
        } catch (error) {
          if (!(error instanceof EdgePrefixError)) throw error;
          console.log(`${family}: not exported: ${error.message}`);
        }
      }
    }
  }
  await encoder.release();
}

function drawn(name: string, dims: readonly number[], scale: number): TensorOf<"float32"> {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return float32(dims, normals(derive(keyOf(7), name), count, scale));
}

function headOf({ manifest }: Base): [string, TensorOf<"float32">][] {
  return [
    [CLASSIFIER_WEIGHT, drawn("weight", [C, manifest.configuration.hidden_size], 0.5)],
    [CLASSIFIER_BIAS, drawn("bias", [C], 1)],
  ];
}

function changeOf(change: (typeof CHANGES)[number], base: Base): [string, TensorOf<"float32">][] {
  const { architecture, config } = baseConfig(base);
  if (change.startsWith("prefix")) {
    const dims = [P, prefixWidth(base.manifest.configuration)];
    return [[PROMPT_EMBEDDINGS, drawn("prefix", dims, 1)]];
  }
  const factors = lowRankLinears(config).flatMap(
    ({ name, inputs, outputs }, i): [string, TensorOf<"float32">][] => {
      const rank = i % 3 === 0 ? 4 : 2;
      return [
        [loraA(name), drawn(loraA(name), [rank, inputs], 0.1)],
        [loraB(name), drawn(loraB(name), [outputs, rank], 0.1)],
      ];
    },
  );
  const specs = deltaSpecs(architecture, config);
  if (change === "lora" || !specs.some(({ name }) => name.endsWith(".bias"))) return factors;
  const deltas = specs.flatMap(({ name, dims }) => {
    const values = drawn(name, dims, 0.1).data;
    return [...(name.endsWith(".bias") ? values : values.fill(0))];
  });
  const shares = Float32Array.from({ length: config.layers + 1 }, (_, i) =>
    i === config.layers ? 1 : 0,
  );
  return [
    ...factors,
    [BIAS_DELTAS, float32([deltas.length], Float32Array.from(deltas))],
    [LAYER_WEIGHTS, float32([shares.length], shares)],
  ];
}

/** Compares the logits of imported adapters with those of PEFT, which saved them. */
async function checkSaved(family: string, base: Base): Promise<void> {
  const dir = join(out, family);
  const saved = readdirSync(dir).filter((name) => name.endsWith("-again"));
  const adapters = saved.map((name) => join(dir, name));
  const set = { dir, hidden: join(dir, "hidden.safetensors"), grads: [], adamw: [], adapters };
  for (const { check, value, ok } of await checkAdapters(base, set)) {
    if (!ok) failed++;
    console.log(`${family} ${check}, imported: ${value?.toExponential(1)}${ok ? "" : " FAILED"}`);
  }
}
