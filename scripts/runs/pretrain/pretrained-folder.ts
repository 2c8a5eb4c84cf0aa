/**
 * The folder of a pretrained prefix: prefix.safetensors without a head, a manifest that names the
 * base and the tasks, and CARD.md. task/pretrained.ts reads it.
 */
import { FORMAT_VERSION, shortIdentity } from "../../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { float32, toFloat16 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import {
  markdownTable,
  formatBytes,
  formatCount,
  formatScore,
  metricName,
} from "../../../src/report/text.ts";
import { sha256Hex } from "../../node/hash.ts";
import { licenceFields, yamlBlock } from "../../../src/report/card-metadata.ts";
import { PRETRAINED_KIND, tensorsOf } from "../../../src/learn/task/pretrained.ts";
import { removeSavedRun } from "../saved-run.ts";
import { replaceFiles } from "../../node/files.ts";
import type { Terms } from "./start-file.ts";
import type { PretrainTask } from "./shared-run.ts";
import type { PretrainResult, PretrainSettings } from "./pretrain-run.ts";

export interface PretrainedFacts {
  readonly name: string;
  /** What `train --init` takes for it, as it is typed. */
  readonly init: string;
  readonly base: BaseManifest;
  readonly tasks: readonly PretrainTask[];
  readonly settings: PretrainSettings;
  readonly result: PretrainResult;
  readonly created: Date;
  readonly terms: Terms;
}

/**
 * Writes a finished run's folder and forgets its saved state; returns the manifest. `startJson` is the
 * text of start.json; null leaves the one in the folder alone.
 */
export async function writePretrained(
  dir: string,
  facts: PretrainedFacts,
  startJson: string | null,
): Promise<object> {
  const { settings, base, result } = facts;
  const tensors = new Map<string, Tensor>();
  for (const [name, dims] of tensorsOf(settings.method, settings.numVirtualTokens, base)) {
    const { data } = float32(dims, result.shared[name]!);
    tensors.set(name, { dtype: "float16", dims, data: toFloat16(data) });
  }
  const bytes = writeSafetensors(tensors, { format: "pt" });
  const manifest = manifestOf(facts, bytes);
  await replaceFiles(
    dir,
    new Map([
      ["CARD.md", encodeUtf8(pretrainedCard(facts, bytes.byteLength))],
      ...(startJson === null ? [] : ([["start.json", encodeUtf8(startJson)]] as const)),
      ["prefix.safetensors", bytes],
      ["manifest.json", encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`)],
    ]),
  );
  await removeSavedRun(dir);
  return manifest;
}

function manifestOf(facts: PretrainedFacts, prefix: Uint8Array) {
  const { name, base, settings, result, created } = facts;
  const { method, numVirtualTokens, alpha, seed, hyperparameters, init } = settings;
  return {
    format_version: FORMAT_VERSION,
    kind: PRETRAINED_KIND,
    name,
    base: { name: base.name, identity: base.identity },
    method,
    num_virtual_tokens: numVirtualTokens,
    prefix: { sha256: sha256Hex(prefix), bytes: prefix.byteLength },
    tasks: taskRows(facts),
    training: {
      ...(init && { init: { name: init.name, sha256: init.sha256, tasks: init.tasks } }),
      alpha,
      seed,
      ...hyperparameters,
      steps: result.steps,
      best_epoch: result.bestEpoch,
      history: result.history,
    },
    created: created.toISOString(),
  };
}

/** The tasks as manifest and `--json` tell of them. */
export function taskRows({ tasks, result }: Pick<PretrainedFacts, "tasks" | "result">) {
  return tasks.map(({ name, prepared, origin }, i) => ({
    name,
    type: prepared.type,
    problem_type: prepared.problemType,
    labels: prepared.labels.length,
    rows: prepared.train.length,
    share: result.tasks[i]!.share,
    metric: result.tasks[i]!.metric,
    score: result.tasks[i]!.score,
    evaluation: prepared.evaluationName,
    source: origin.source,
    licence: origin.licence,
    language: origin.language,
  }));
}

function pretrainedCard(facts: PretrainedFacts, bytes: number): string {
  const { name, init, base, settings, result, terms } = facts;
  const rows = taskRows(facts);
  const licences = new Set(rows.map(({ licence }) => licence));
  const languages = rows.flatMap(({ language }) => (language === null ? [] : [language]));
  const metadata = {
    ...(terms.licence !== undefined || licences.size === 1
      ? licenceFields(terms.licence ?? rows[0]!.licence)
      : { license: "other", license_name: "several" }),
    language: languages.length > 0 ? [...new Set(languages)] : undefined,
    library_name: "edge-prefix",
    base_model: base.name,
    base_model_relation: "adapter",
    tags: ["prefix-tuning", "p-tuning-v2", "multi-task"],
  };
  const what = `${settings.numVirtualTokens} virtual tokens${settings.method === "prefix-bias" ? " and deltas of biases" : ""}`;
  const sections = [
    ["---", ...yamlBlock(metadata), "---"],
    [`# ${name}`],
    [
      `A pretrained prefix for the base ${shortIdentity(base)}: ${what} (method \`${settings.method}\`), trained on ${rows.length === 1 ? "one task" : `${rows.length} tasks at once`}, ${formatBytes(bytes)}. It has no head and cannot be served: it is a place to start a task from. The base itself is unchanged.`,
    ],
    ["## Start from it", "", "```sh", `npx edge-prefix train TASK_DIR --init ${init}`, "```"],
    [
      "## Tasks",
      "",
      markdownTable([
        ["task", "type", "rows", "share of steps", "metric", "score", "source", "licence"],
        ...rows.map((row) => [
          row.name,
          row.type,
          formatCount(row.rows),
          `${Math.round(100 * row.share)} %`,
          metricName(row.metric),
          formatScore(row.score),
          row.source ?? "not stated",
          row.licence ?? "not stated",
        ]),
      ]),
      "",
      "Scores are of the shared prefix with each task's own head, on the rows by which the epoch was chosen. No text of the data is part of this folder.",
    ],
    ...(terms.notice === undefined ? [] : [["## Licence", "", terms.notice]]),
    [
      "## Training procedure",
      "",
      `${settings.init ? `Went on from ${settings.init.name}, which had learned ${settings.init.tasks.join(", ")}. ` : ""}${formatCount(result.steps)} steps, batches of ${settings.hyperparameters.batch_size} rows of one task; a task's share of the steps is its size to the power of ${settings.alpha}. Learning rate ${settings.hyperparameters.learning_rate}, seed ${settings.seed}. Taken is epoch ${result.bestEpoch} of ${result.history.length}, the best by the mean of the scores.`,
    ],
    [
      "## Limits",
      "",
      "- Fits this base alone, and starts from its tasks' texts and labels: a task of another kind may learn as well from random numbers.",
      "- The licences of the tasks' data may ask something of what is trained on them.",
    ],
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
