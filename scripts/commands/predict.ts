/**
 * `predict`: the endpoint's answers without an endpoint. The request path is the Worker's own
 * (serve/predictor.ts) over the same wasm, so a line here equals a line of its NDJSON.
 */
import { existsSync } from "node:fs";
import type { EdgePrefixError } from "../../src/core/errors.ts";
import { parametersSchema, readPredictRequest } from "../../src/http/schemas/schema.ts";
import { readInputs, readStdin } from "../node/read-inputs.ts";
import type { InputLine } from "../node/read-inputs.ts";
import { UsageError, defineCommand, readChoice, readInteger, readNumber } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";
import { readRuntime } from "../cli/runtime-option.ts";
import { TASK_BASE_OPTIONS } from "../cli/task-base.ts";

/** Inputs that share the queue; their windows share runs, and answers come in this rhythm. */
const CHUNK = 64;

export const command = defineCommand({
  summary: "answer texts, as the endpoint would",
  usage: "TASK_DIR [TEXT... | --input F.jsonl] [--base DIR] [the endpoint's parameters]",
  example: [
    'npx edge-prefix predict prefixes/sentiment "a gripping, beautifully acted film"',
    "npx edge-prefix predict prefixes/sentiment --input texts.jsonl --top-k 1",
  ].join("\n"),
  options: {
    input: {
      type: "string",
      value: "F.jsonl",
      hint: 'a line: "text", {"text","text_pair"?} or [text, pair]; without it and TEXT, stdin: such lines, or a plain text a line',
    },
    ...TASK_BASE_OPTIONS,
    "min-score": {
      type: "string",
      value: "X",
      hint: "only labels and entities that score X or more",
    },
    "top-k": { type: "string", value: "N", hint: "only the N best labels" },
    "function-to-apply": {
      type: "string",
      value: "softmax|sigmoid|none",
      hint: "from logits to scores",
    },
    "aggregation-strategy": {
      type: "string",
      value: "none|simple|first|average|max",
      hint: "from tags to entities (simple)",
    },
    "ignore-labels": { type: "string", value: "A,B,..", hint: "tags that are no entities (O)" },
    stride: { type: "string", value: "N", hint: "pieces that neighbouring windows share" },
    "max-length": { type: "string", value: "N", hint: "longest window in tokens" },
    truncation: { type: "boolean", hint: "cut long texts instead of reading them in windows" },
    "offset-unit": { type: "string", value: "codepoint|utf16", hint: "unit of start and end" },
  },
  async run({ values, positionals, io }) {
    const [dir, ...texts] = positionals;
    if (dir === undefined) throw new UsageError("predict: TASK_DIR is missing");
    const { parameters } = readPredictRequest({
      inputs: [],
      parameters: {
        min_score: readNumber(values["min-score"], "--min-score", { min: -1e9, max: 1e9 }),
        top_k: readInteger(values["top-k"], "--top-k", { min: 1 }),
        function_to_apply: readChoice(
          values["function-to-apply"],
          "--function-to-apply",
          parametersSchema.entries.function_to_apply.wrapped.options,
        ),
        aggregation_strategy: readChoice(
          values["aggregation-strategy"],
          "--aggregation-strategy",
          parametersSchema.entries.aggregation_strategy.wrapped.options,
        ),
        ignore_labels: values["ignore-labels"]?.split(","),
        stride: readInteger(values.stride, "--stride", { min: 0 }),
        max_length: readInteger(values["max-length"], "--max-length", { min: 1 }),
        truncation: values.truncation,
        offset_unit: readChoice(
          values["offset-unit"],
          "--offset-unit",
          parametersSchema.entries.offset_unit.wrapped.options,
        ),
      },
    });
    const runtime = readRuntime(values.runtime);
    const inputs = await inputsOf(texts, values.input, io);
    const { openLocalPredictor } = await import("../cli/local-predictor.ts");
    const opened = await openLocalPredictor(
      dir,
      { base: values.base, taskBase: values["task-base"], runtime },
      (line) => io.err(line),
    );
    const { predictor } = opened;
    let failed = 0;
    try {
      for (let from = 0; from < inputs.length; from += CHUNK) {
        const chunk = inputs.slice(from, from + CHUNK);
        const answers = predictor.predict({ ...opened, isStale: false }, chunk, parameters, {
          signal: io.signal,
        });
        for await (const answer of answers) {
          const index = from + answer.index;
          if ("error" in answer) failed += 1;
          io.out(
            JSON.stringify(
              "error" in answer
                ? { index, error: problemOf(answer.error) }
                : { index, result: answer.result },
            ),
          );
        }
      }
    } finally {
      await opened.base.encoder.release();
    }
    return failed === 0 ? 0 : 1;
  },
});

/** The texts of the command line, of a file, or of standard input. */
async function inputsOf(
  texts: readonly string[],
  file: string | undefined,
  io: Io,
): Promise<readonly InputLine[]> {
  if (file !== undefined) {
    if (texts.length === 0) return readInputs(file);
    throw new UsageError(
      `predict: expected texts or --input, found both (${JSON.stringify(texts[0])})`,
    );
  }
  for (const text of texts) {
    if (existsSync(text))
      io.err(`note: "${text}" is read as a text; --input ${text} reads the file`);
  }
  if (texts.length > 0) return texts.map((text, i) => ({ line: i + 1, text }));
  const isTyped = "isTTY" in io.stdin && io.stdin.isTTY === true;
  const inputs = isTyped ? [] : await readStdin(io.stdin);
  if (inputs.length > 0) return inputs;
  throw new UsageError(
    "predict: no text; write one behind TASK_DIR, name a file with --input, or pipe texts in",
  );
}

const problemOf = (error: EdgePrefixError) => ({ code: error.code, detail: error.message });
