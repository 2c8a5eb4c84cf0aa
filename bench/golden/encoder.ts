/** Hidden states, the logits of real PEFT adapters, and the tiny checkpoints of other architectures. */
import { basename, join } from "node:path";
import type { Base } from "../../src/encoder/base.ts";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { poolerOf } from "../../src/encoder/loaded-base.ts";
import { packAdapter } from "../../scripts/peft/pack-adapter.ts";
import { readPeftAdapter } from "../../scripts/peft/adapter.ts";
import { loadEncoder } from "../../scripts/base/open-base.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import { EdgePrefixError, FormatError } from "../../src/core/errors.ts";
import { linear, pool, tokenLogits } from "../../src/core/model/head.ts";
import { emptyPrefix, unpackPrefix } from "../../src/core/model/prefix.ts";
import type { Prefix } from "../../src/core/model/prefix.ts";
import {
  ATTENTION_MASK,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  PROMPT_EMBEDDINGS,
  TOKEN_TYPE_IDS,
} from "../../src/core/model/shapes.ts";
import type { Encoder } from "../../src/engine/engine.ts";
import { atMost, maxAbsDifference, skipped } from "./compare.ts";
import type { Check } from "./compare.ts";
import { EXPECTED, floats, folders, integers, readJson, readTensors } from "./files.ts";
import type { GoldenSet, Tensors } from "./files.ts";

const MAX_HIDDEN_DIFFERENCE = 1e-4;
const MAX_LOGIT_DIFFERENCE = 1e-4;
const MAX_ARCHITECTURE_DIFFERENCE = 2e-4;

/** A golden batch: rows of their real length, and the width they were padded to. */
interface Batch {
  readonly rows: readonly { readonly ids: Int32Array; readonly typeIds: Int32Array }[];
  readonly width: number; // T
}

function readBatch(golden: { at: Tensors; has: (name: string) => boolean }): Batch {
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
async function encode(
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
function worstRow(rows: readonly Float32Array[], golden: Float32Array): number {
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
    const { prefix, head, manifest } = (await packAdapter(adapter, base, { task: "golden" })).task;
    const states = await encode(encoder, rows, prefix, manifest.position_offset);
    const H = base.manifest.configuration.hidden_size;
    const { pooling } = manifest;
    const logits = states.map((hidden, b): Float32Array => {
      const length = rows[b]!.ids.length;
      if (pooling === "none") return concat(tokenLogits(hidden, length, H, head));
      const pooled = pool(hidden, length, H, pooling, poolerOf(base));
      return linear(pooled, head.weight, head.bias);
    });
    const worst = worstRow(logits, floats(expected));
    checks.push(
      atMost(`${basename(dir)} logits`, "max_abs_difference", worst, MAX_LOGIT_DIFFERENCE),
    );
  }
  await encoder.release();
  return checks;
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const size = parts[0]?.length ?? 0;
  const all = new Float32Array(parts.length * size);
  parts.forEach((part, i) => all.set(part, i * size));
  return all;
}

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
  return [
    [`${name} hidden`, plain, LAST_HIDDEN_STATE] as const,
    [`${name} hidden with prefix`, prefixed, `${LAST_HIDDEN_STATE}.prefixed`] as const,
  ].map(([label, states, tensor]) =>
    atMost(
      label,
      "max_abs_difference",
      worstRow(states, floats(golden.at(tensor))),
      MAX_ARCHITECTURE_DIFFERENCE,
    ),
  );
}
