/**
 * `batch`: answers a file of any length, here or by a running Worker, and goes on where it was
 * interrupted. Both ways give the same lines.
 */
import { existsSync } from "node:fs";
import { basename, extname } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
import { createAnswers } from "../../src/http/bulk/answers.ts";
import { readConfig } from "../../src/http/settings/config.ts";
import { readPredictRequest } from "../../src/http/schemas/schema.ts";
import type { BatchAsk, BatchResult, Tell } from "../bulk/batch-run.ts";
import { batchClient } from "../bulk/batch-client.ts";
import type { BatchClient, RemoteBatch } from "../bulk/batch-client.ts";
import { UsageError, defineCommand, readChoice, readInteger, required } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";
import { startProgress } from "../cli/progress.ts";
import { TASK_BASE_OPTIONS } from "../cli/task-base.ts";
import { readRuntime } from "../cli/runtime-option.ts";

const DEFAULT_URL = "http://localhost:8787";
/** Batches that a list shows. */
const LISTED = 20;

export const command = defineCommand({
  summary: "answer a file of any length, here or by a running Worker; list and cancel batches",
  usage:
    "run FILE --task TASK --out FILE [--local | --url URL] | list [--url URL] | cancel BATCH [--url URL]",
  example: [
    "npx edge-prefix batch run reviews.csv --task prefixes/sentiment --column review --out answers.jsonl --local",
    "npx edge-prefix batch run reviews.jsonl --task sentiment --out answers.jsonl --url http://localhost:8787",
    "npx edge-prefix batch list",
  ].join("\n"),
  options: {
    task: { type: "string", value: "TASK", hint: "with --local a task folder, else a task's name" },
    out: { type: "string", value: "FILE", hint: "where the answers go, a line of JSON a row" },
    errors: { type: "string", value: "FILE", hint: "where rows that failed go (OUT.errors.jsonl)" },
    local: { type: "boolean", hint: "compute here, without a Worker" },
    url: { type: "string", value: "URL", hint: `a Worker with batches (${DEFAULT_URL})` },
    key: { type: "string", value: "KEY", hint: "its API key (default: EDGE_PREFIX_KEY)" },
    format: { type: "string", value: "jsonl|csv", hint: "what the file is (by its name)" },
    column: { type: "string", value: "NAME", hint: "csv: the column of the texts (text)" },
    "pair-column": { type: "string", value: "NAME", hint: "csv: the column of second texts" },
    "id-column": {
      type: "string",
      value: "NAME",
      hint: "csv: the column of ids (the line's number)",
    },
    "top-k": { type: "string", value: "N", hint: "only the N best labels" },
    ...TASK_BASE_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [action, name, extra] = positionals;
    const verb = readChoice(action, "batch", ["run", "list", "cancel"] as const);
    if (verb === undefined) throw new UsageError("batch: expected run, list or cancel");
    if (extra !== undefined) throw new UsageError(`batch: has one argument too many, "${extra}"`);
    const url = values.url ?? DEFAULT_URL;
    const key = values.key ?? process.env["EDGE_PREFIX_KEY"];
    const client = batchClient(url, key, io.signal);
    if (verb === "list") return list(client, io);
    if (verb === "cancel") {
      show(await client.act(required(name, "batch cancel: BATCH"), "cancel"), io);
      return 0;
    }
    if (values.local === true && values.url !== undefined) {
      throw new UsageError("--local and --url exclude each other");
    }
    const ask = readAsk(required(name, "batch run: FILE"), values);
    const task = required(values.task, "--task");
    const result = await withProgress(io, ask, (tell) =>
      values.local === true
        ? runHere(ask, task, values, io, tell)
        : runThere(client, url, { ...ask, task }, io, tell),
    );
    if (result === null) {
      io.err("interrupted; the same command goes on");
      return 130;
    }
    const { status, completed, failed } = result;
    const output = { output: ask.output, ...(failed > 0 ? { errors: ask.errors } : {}) };
    if (io.json) io.out(JSON.stringify({ status, completed, failed, ...output }));
    else {
      io.err(`${status}: ${completed} rows in ${ask.output}`);
      if (failed > 0) io.err(`${failed} rows failed: ${ask.errors}`);
    }
    return failed === 0 && status === "completed" ? 0 : 1;
  },
});

interface Values {
  readonly out?: string | undefined;
  readonly errors?: string | undefined;
  readonly format?: string | undefined;
  readonly column?: string | undefined;
  readonly "pair-column"?: string | undefined;
  readonly "id-column"?: string | undefined;
  readonly "top-k"?: string | undefined;
  readonly base?: string | undefined;
  readonly "task-base"?: string | undefined;
  readonly runtime?: string | undefined;
}

function readAsk(input: string, values: Values): BatchAsk {
  const output = required(values.out, "--out");
  if (!existsSync(input)) {
    throw new NotFoundError("file-not-found", `file ${JSON.stringify(input)}: does not exist`);
  }
  const byName = extname(input) === ".csv" ? "csv" : "jsonl";
  const format = readChoice(values.format, "--format", ["jsonl", "csv"] as const) ?? byName;
  const { column, "pair-column": pair, "id-column": id } = values;
  if (format === "jsonl" && (column ?? pair ?? id) !== undefined) {
    throw new UsageError("--column, --pair-column and --id-column need --format csv");
  }
  const top_k = readInteger(values["top-k"], "--top-k", { min: 1 });
  const { parameters } = readPredictRequest({ inputs: [], parameters: { top_k } });
  return {
    input,
    output,
    errors: values.errors ?? `${output}.errors.jsonl`,
    rows:
      format === "csv"
        ? {
            kind: "csv",
            column: column ?? "text",
            ...(pair ? { pair } : {}),
            ...(id ? { id } : {}),
          }
        : { kind: "jsonl" },
    parameters,
  };
}

async function withProgress(
  io: Io,
  { input }: BatchAsk,
  run: (tell: Tell) => Promise<BatchResult | null>,
): Promise<BatchResult | null> {
  const bar = startProgress(io, { label: basename(input), total: 100 });
  try {
    return await run(({ bytes, total, completed, failed }) => {
      const note = `${completed} rows${failed > 0 ? `, ${failed} failed` : ""}`;
      bar.update(total === 0 ? 0 : Math.floor((100 * bytes) / total), note);
    });
  } catch (error) {
    if (io.signal.aborted) return null;
    throw error;
  } finally {
    bar.stop();
  }
}

async function runThere(
  client: BatchClient,
  url: string,
  ask: BatchAsk & { readonly task: string },
  { signal }: Io,
  tell: Tell,
): Promise<BatchResult> {
  const { runRemotely } = await import("../bulk/remote-run.ts");
  return runRemotely(client, url, ask, { signal, tell });
}

async function runHere(
  ask: BatchAsk,
  task: string,
  values: Values,
  io: Io,
  tell: Tell,
): Promise<BatchResult | null> {
  const { openLocalPredictor } = await import("../cli/local-predictor.ts");
  const { runLocally } = await import("../bulk/local-run.ts");
  const options = { base: values.base, taskBase: values["task-base"] };
  const runtime = readRuntime(values.runtime);
  const opened = await openLocalPredictor(task, { ...options, runtime }, (line) => io.err(line));
  try {
    const { predictor } = opened;
    const open = async () => ({ ...opened, isStale: false });
    const config = readConfig({ BASE: opened.base.manifest.name });
    const answer = createAnswers({
      deps: { config, predictor: { ...predictor, open } },
      pins: async () => undefined,
      requests: () => Promise.reject(new TypeError("a local batch has texts alone")),
      hold: () => undefined,
    });
    const { version } = opened.task;
    const name = opened.task.manifest.task;
    return await runLocally(ask, { task: name, version, answer, signal: io.signal, tell });
  } finally {
    await opened.base.encoder.release();
  }
}

async function list(client: BatchClient, io: Io): Promise<number> {
  const batches = await client.batches(LISTED);
  if (io.json) io.out(JSON.stringify(batches));
  else for (const batch of batches) show(batch, { ...io, json: false });
  return 0;
}

function show(batch: RemoteBatch, io: Io): void {
  if (io.json) return io.out(JSON.stringify(batch));
  const { id, status, endpoint, created_at: at, request_counts: counts } = batch;
  const { completed, failed, total } = counts;
  const when = new Date(at * 1000).toISOString().slice(0, 16);
  io.out(`${id}  ${when}  ${status.padEnd(11)}  ${completed}+${failed}/${total}  ${endpoint}`);
}
