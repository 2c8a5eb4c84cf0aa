/** Hidden states, and the logits of real PEFT adapters. */
import { basename, join } from "node:path";
import type { Base } from "../../src/encoder/base.ts";
import { poolerOf } from "../../src/encoder/loaded-base.ts";
import { packAdapter } from "../../scripts/peft/pack-adapter.ts";
import { readPeftAdapter } from "../../scripts/peft/adapter.ts";
import { loadEncoder } from "../../scripts/base/open-base.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import { linear, pool, tokenLogits } from "../../src/core/model/head.ts";
import type { Task } from "../../src/core/format/task.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import type { Prefix } from "../../src/core/model/prefix.ts";
import {
  ATTENTION_MASK,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  TOKEN_TYPE_IDS,
} from "../../src/core/model/shapes.ts";
import type { Encoder } from "../../src/engine/engine.ts";
import { atMost, maxAbsDifference, skipped } from "./compare.ts";
import type { Check } from "./compare.ts";
import { EXPECTED, floats, integers, readTensors } from "./files.ts";
import type { GoldenSet, Tensors } from "./files.ts";

const MAX_HIDDEN_DIFFERENCE = 1e-4;
const MAX_LOGIT_DIFFERENCE = 1e-4;

/** A golden batch: rows of their real length, and the width they were padded to. */
export interface Batch {
  readonly rows: readonly { readonly ids: Int32Array; readonly typeIds: Int32Array }[];
  readonly width: number; // T
}

export function readBatch(golden: { at: Tensors; has: (name: string) => boolean }): Batch {
  const { dims } = golden.at(INPUT_IDS);
  const [batch, width] = [dims[0]!, dims[1]!];
  const ids = integers(golden.at(INPUT_IDS));
  const types = golden.has(TOKEN_TYPE_IDS)
    ? integers(golden.at(TOKEN_TYPE_IDS))
    : new Int32Array(ids.length);
  const mask = integers(golden.at(ATTENTION_MASK));
  const rows = Array.from({ length: batch }, (_, b) => {
    const length = mask.subarray(b * width, (b + 1) * width).reduce((sum, bit) => sum + bit, 0);
    const [from, to] = [b * width, b * width + length];
    return { ids: ids.subarray(from, to), typeIds: types.subarray(from, to) };
  });
  return { rows, width };
}

/** Hidden states of some rows of a batch, each cut to its real length: [length, H] a row. */
export async function encode(
  encoder: Encoder,
  rows: Batch["rows"],
  prefix: Prefix,
  positionOffset: number,
): Promise<Float32Array[]> {
  const full = rows.map((row) => ({ ...row, prefix, positionOffset }));
  const states = await encoder.encode(full, "all");
  return rows.map(({ ids }, b) => statesOfRow(states, b, ids.length));
}

/** Largest difference of rows [length, H] to golden states [B, T, H], on attended positions. */
export function worstRow(rows: readonly Float32Array[], golden: Float32Array): number {
  const stride = golden.length / rows.length;
  return Math.max(
    ...rows.map((row, b) =>
      maxAbsDifference(row, golden.subarray(b * stride, b * stride + row.length)),
    ),
  );
}

/** The base's hidden states: all rows in one batch, and each row alone without padding. */
export async function checkHidden(base: Base, set: GoldenSet): Promise<Check[]> {
  if (!set.hidden) return [];
  const golden = await readTensors(set.hidden);
  const { rows } = readBatch(golden);
  const expected = floats(golden.at(LAST_HIDDEN_STATE));
  const none = emptyPrefix(base.manifest.configuration);
  const encoder = await loadEncoder(base, "node");
  const together = await encode(encoder, rows, none, 0);
  const alone: Float32Array[] = [];
  for (const row of rows) alone.push(...(await encode(encoder, [row], none, 0)));
  await encoder.release();
  return [["in one batch", together] as const, ["each text alone", alone] as const].map(
    ([how, states]) =>
      atMost(
        `hidden, ${how}`,
        "max_abs_difference",
        worstRow(states, expected),
        MAX_HIDDEN_DIFFERENCE,
      ),
  );
}

/** PEFT adapters, read the way import-peft reads them, over the texts of hidden.safetensors. */
export async function checkAdapters(base: Base, set: GoldenSet): Promise<Check[]> {
  if (set.adapters.length === 0) return [];
  if (!set.hidden) {
    return [skipped("peft", `${set.dir} has no hidden.safetensors with the adapters' texts`)];
  }
  const { rows } = readBatch(await readTensors(set.hidden));
  const encoder = await loadEncoder(base, "node");
  const checks: Check[] = [];
  for (const dir of set.adapters) {
    const expected = (await readTensors(join(dir, EXPECTED))).at("logits");
    const adapter = await readPeftAdapter(dir);
    const { task } = await packAdapter(adapter, base, { task: "golden" });
    const logits = await taskLogits(base, encoder, task, rows);
    const worst = worstRow(logits, floats(expected));
    checks.push(
      atMost(`${basename(dir)} logits`, "max_abs_difference", worst, MAX_LOGIT_DIFFERENCE),
    );
  }
  await encoder.release();
  return checks;
}

/** A task's logits of each row: [C], or [T, C] of a token task. */
export async function taskLogits(
  base: Base,
  encoder: Encoder,
  { prefix, head, manifest }: Task,
  rows: Batch["rows"],
): Promise<Float32Array[]> {
  const states = await encode(encoder, rows, prefix, manifest.position_offset);
  const { hidden_size: H } = base.manifest.configuration;
  const { pooling } = manifest;
  return states.map((hidden, b): Float32Array => {
    const length = rows[b]!.ids.length;
    if (pooling === "none") return concat(tokenLogits(hidden, length, H, head));
    return linear(pool(hidden, length, H, pooling, poolerOf(base)), head.weight, head.bias);
  });
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const size = parts[0]?.length ?? 0;
  const all = new Float32Array(parts.length * size);
  parts.forEach((part, i) => all.set(part, i * size));
  return all;
}
