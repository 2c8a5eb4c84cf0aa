/**
 * `embed`: hidden states or pooled vectors of texts, as the base's graph gives them, with or
 * without a task's prefix. Rows keep the order of the file, whatever batches they ran in.
 */
import { baseFolder } from "../base/names.ts";
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Row } from "../../src/core/model/rows.ts";
import { LimitError } from "../../src/core/errors.ts";
import { pool } from "../../src/core/model/head.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { ATTENTION_MASK, INPUT_IDS, LAST_HIDDEN_STATE } from "../../src/core/model/shapes.ts";
import { float32, int64 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { splitWindows } from "../../src/core/model/windows.ts";
import { namedRuntime } from "../base/runtimes.ts";
import { RUNTIME_OPTION, readRuntime } from "../cli/runtime-option.ts";
import { startProgress } from "../cli/progress.ts";
import { readInputs } from "../node/read-inputs.ts";
import type { InputLine } from "../node/read-inputs.ts";
import { UsageError, defineCommand, readChoice, readInteger, required } from "../cli/command.ts";
import { checkWritable } from "../node/disk.ts";
import { writeWhole } from "../node/files.ts";

type EmbedPooling = "none" | "mean" | "cls";

/** Beyond this a single array is more than tools like to read; the pooled forms are 100 times smaller. */
const MAX_VALUES = 2 ** 29;

export const command = defineCommand({
  summary: "write the hidden states or pooled vectors of texts",
  usage: "--base DIR [--task DIR] --input F.jsonl --output F.safetensors",
  example:
    "npx edge-prefix embed --base models/minilm --input texts.jsonl --output vectors.safetensors",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
    task: {
      type: "string",
      value: "DIR",
      hint: "task folder whose prefix the texts are read with",
    },
    input: {
      type: "string",
      value: "F.jsonl",
      hint: 'a line: "text", {"text","text_pair"?} or [text, pair]; .gz too',
    },
    output: { type: "string", value: "F.safetensors", hint: "file to write" },
    pool: {
      type: "string",
      value: "none|mean|cls",
      hint: "none: last_hidden_state [B, T, H] with input_ids and attention_mask; mean, cls: embeddings [B, H] (default: as the base's checkpoint says, else mean)",
    },
    ...RUNTIME_OPTION,
    "batch-size": { type: "string", value: "N", default: "16", hint: "texts in one run" },
    "max-length": {
      type: "string",
      value: "N",
      hint: "cut texts to N tokens (default: a text that is too long is an error)",
    },
  },
  async run({ values, positionals, io }) {
    if (positionals.length > 0) {
      throw new UsageError(`embed: takes options only, found ${JSON.stringify(positionals[0])}`);
    }
    const baseDir = required(values.base, "--base");
    const output = required(values.output, "--output");
    const asked = readChoice(values.pool, "--pool", ["none", "mean", "cls"]);
    const runtime = readRuntime(values.runtime);
    const batchSize = readInteger(values["batch-size"], "--batch-size", { min: 1, max: 1024 })!;
    const inputs = await readInputs(required(values.input, "--input"));

    const { openBaseFolder } = await import("../base/open-base.ts");
    const { openTaskFolder } = await import("../task/task-folder.ts");
    const { manifest, tokenizer, encoder } = await openBaseFolder(baseFolder(baseDir), runtime);
    const task = values.task === undefined ? null : await openTaskFolder(values.task, manifest);
    const pooling = asked ?? manifest.pooling ?? "mean";
    if (asked === undefined && manifest.pooling !== null) {
      io.err(`note: pooling ${pooling}, as the checkpoint of ${manifest.name} says`);
    }
    const positionOffset = task?.manifest.position_offset ?? 0;
    const { configuration } = manifest;
    const limit = maxLengthOf(configuration) - positionOffset;
    const maxLength = readInteger(values["max-length"], "--max-length", { min: 3, max: limit });
    const prefix = task?.prefix ?? emptyPrefix(configuration);
    const rows = inputs.map((input): Row => {
      const { ids, typeIds } = encode(tokenizer, input, limit, maxLength);
      return { ids, typeIds, prefix, positionOffset };
    });

    const width = configuration.hidden_size;
    const longest = rows.reduce((length, { ids }) => Math.max(length, ids.length), 0);
    const result = makeResult(pooling, rows, longest, width);
    const bytes = [...result.tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    await checkWritable(output, { bytes });
    const progress = startProgress(io, { label: "embed", total: rows.length });
    try {
      for (let from = 0; from < rows.length; from += batchSize) {
        io.signal.throwIfAborted();
        const batch = rows.slice(from, from + batchSize);
        const states = await encoder.encode(batch, pooling === "cls" ? "first" : "all");
        batch.forEach(({ ids }, i) => {
          result.put(from + i, statesOfRow(states, i, ids.length), ids.length);
        });
        progress.update(from + batch.length);
      }
    } finally {
      progress.stop();
      await encoder.release();
    }
    await writeWhole(output, writeSafetensors(result.tensors, { base: manifest.identity }));
    const shapes = [...result.tensors].map(([name, { dims }]) => [name, dims] as const);
    io.out(
      io.json
        ? JSON.stringify({
            output,
            texts: rows.length,
            pool: pooling,
            runtime: namedRuntime(runtime, manifest),
            tensors: Object.fromEntries(shapes),
          })
        : `${rows.length} texts -> ${output}: ${shapes.map(([name, dims]) => `${name} [${dims.join(", ")}]`).join(", ")}`,
    );
    return 0;
  },
});

function encode(
  tokenizer: Tokenizer,
  { line, text, text_pair: pair }: InputLine,
  limit: number,
  maxLength: number | undefined,
) {
  const { windows, isTruncated } = splitWindows(tokenizer, text, pair, {
    maxLength: maxLength ?? limit,
    stride: 0,
    truncation: true,
  });
  if (isTruncated && maxLength === undefined) {
    const { length } = tokenizer.encode(text, pair).ids;
    throw new LimitError(
      "text-too-long",
      `input line ${line}: has ${length} tokens, the base reads ${limit}; --max-length ${limit} cuts longer texts`,
    );
  }
  return windows[0]!.encoding;
}

interface Result {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Stores one row's states [T or 1, H], of which `length` tokens count. */
  put(row: number, states: Float32Array, length: number): void;
}

function makeResult(
  pooling: EmbedPooling,
  rows: readonly Row[],
  longest: number,
  width: number,
): Result {
  const batch = rows.length;
  if (pooling !== "none") {
    const pooled = new Float32Array(batch * width);
    return {
      tensors: new Map([["embeddings", float32([batch, width], pooled)]]),
      put: (row, states, length) =>
        pooled.set(pool(states, length, width, pooling, null), row * width),
    };
  }
  if (batch * longest * width > MAX_VALUES) {
    throw new LimitError(
      "output-too-large",
      `${batch} texts of up to ${longest} tokens: last_hidden_state would have ${batch * longest * width} values, allowed are ${MAX_VALUES}; use --pool mean, or fewer texts`,
    );
  }
  const states = new Float32Array(batch * longest * width);
  const ids = new Int32Array(batch * longest);
  const mask = new Int32Array(batch * longest);
  rows.forEach((row, b) => {
    ids.set(row.ids, b * longest);
    mask.fill(1, b * longest, b * longest + row.ids.length);
  });
  return {
    tensors: new Map<string, Tensor>([
      [LAST_HIDDEN_STATE, float32([batch, longest, width], states)],
      [INPUT_IDS, int64([batch, longest], ids)],
      [ATTENTION_MASK, int64([batch, longest], mask)],
    ]),
    put: (row, found, length) =>
      states.set(found.subarray(0, length * width), row * longest * width),
  };
}
