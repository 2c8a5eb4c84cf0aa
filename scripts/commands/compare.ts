/**
 * `compare`: methods x seeds on one task. Each run trains as `train` does. The epoch is chosen on a tenth
 * of the training rows, so that no choice depends on the evaluation rows, which are reported.
 */
import { join } from "node:path";
import { METHODS, isServed } from "../../src/learn/methods.ts";
import type { Method } from "../../src/learn/methods.ts";
import { isShared } from "../../src/learn/task/pretrained.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import { differences, summarize } from "../runs/trial/compare.ts";
import type { Compared, Difference, MethodSummary } from "../runs/trial/compare.ts";
import { UsageError, defineCommand, readInteger } from "../cli/command.ts";
import { durationText } from "../cli/data-lines.ts";
import { TRIAL_OPTIONS, openTrials } from "../cli/trial-setup.ts";
import { preciseNow } from "../node/clock.ts";

/** Finished and interrupted runs of a comparison, below the task folder. */
const FOLDER = ".compare";
const DEFAULT_METHODS = "linear,prompt,prefix,bias,prefix-bias,full";

export const command = defineCommand({
  summary: "train a task with several methods and seeds, and compare what comes out",
  usage: "TASK_DIR | DATA_FILE [--methods M,..] [--seeds N] [options of train]",
  example: [
    "npx edge-prefix compare prefixes/intent --methods prefix,bias,full --seeds 3",
    "npx edge-prefix compare tickets.csv --eval held-out.csv --base models/minilm",
  ].join("\n"),
  options: {
    methods: {
      type: "string",
      value: "M,..",
      default: DEFAULT_METHODS,
      hint: `some of ${METHODS.join(", ")}`,
    },
    seeds: { type: "string", value: "N", default: "1", hint: "the seeds 0 to N-1 of each method" },
    ...TRIAL_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const methods = readMethods(values.methods);
    const seeds = readInteger(values.seeds, "--seeds", { min: 1, max: 100 })!;
    const setup = await openTrials(values, positionals, io);
    const { spec, base, runtimes, fair, out } = setup;
    const { withFolderLock } = await import("../node/folder-lock.ts");
    return withFolderLock(setup.out, async () => {
      const { divideFairly } = await import("../runs/trial/rows.ts");
      const { keptTrial } = await import("../runs/trial/kept.ts");

      const isBesideFull = methods.includes("full");
      const trials: Compared[] = [];
      let reportedName = "";
      for (let seed = 0; seed < seeds; seed++) {
        for (const method of methods) {
          const name = `${method}.${seed}`;
          // The notes about the data are the same every time.
          const note = trials.length === 0 ? fair.note : () => {};
          const isRateAsked = values.lr !== undefined;
          const wanted = specFor(method, seed, spec, { isRateAsked, isBesideFull });
          const { prepared, reported } = await divideFairly(wanted, { ...fair, note });
          if (isBesideFull && prepared.type === "token" && spec.plain_head !== true) {
            note("every method has a plain head here: a fine-tuned checkpoint has no other");
          }
          reportedName = reported.name;
          const { epochs } = prepared.hyperparameters;
          const kept = await keptTrial(join(out, FOLDER), {
            name,
            spec: wanted,
            prepared,
            base,
            reported,
            runtimes,
            signal: io.signal,
            now: preciseNow,
            note: fair.note,
            onEpoch: ({ epoch, loss, score }) =>
              io.err(
                `${name} epoch ${epoch}/${epochs} · loss ${loss.toFixed(4)} · score ${score.toFixed(4)}`,
              ),
          });
          if (kept === null) {
            io.err(`${name}: interrupted and saved; the same command goes on with it`);
            return 130;
          }
          const { metric, score } = kept.result;
          io.err(`${name}: ${metric} ${score.toFixed(4)}${kept.isOld ? " (was there)" : ""}`);
          trials.push({ method, seed, result: kept.result });
        }
      }
      const summary = summarize(trials);
      const gaps = differences(trials);
      if (io.json) {
        const { metric, rows } = trials[0]!.result;
        const about = { task: setup.name, base: base.manifest.name, dtype: base.manifest.dtype };
        io.out(
          JSON.stringify({
            ...about,
            reported: reportedName,
            metric,
            rows,
            methods: summary,
            differences: gaps,
          }),
        );
      } else {
        for (const line of compareLines(trials[0]!.result.metric, summary, gaps)) io.out(line);
      }
      return 0;
    });
  },
});

function readMethods(value: string): Method[] {
  const names = [...new Set(value.split(",").map((name) => name.trim()))];
  return names.map((name) => {
    const found = METHODS.find((method) => method === name);
    if (found) return found;
    throw new UsageError(
      `--methods has ${JSON.stringify(name)}, allowed are ${METHODS.join(", ")}, separated by commas`,
    );
  });
}

/**
 * The task as this method trains it. A learning rate of task.json was chosen for its own method;
 * `full` moves the weights that an 8-bit graph keeps, so it is trained in float32 whatever is asked.
 */
function specFor(
  method: Method,
  seed: number,
  spec: TaskSpec,
  { isRateAsked, isBesideFull }: { isRateAsked: boolean; isBesideFull: boolean },
): TaskSpec {
  const { learning_rate: rate, ...others } = spec.hyperparameters;
  const isOwn = isRateAsked || method === (spec.method ?? "prefix");
  return {
    ...spec,
    method,
    // Only what has virtual tokens of its own can start from a pretrained prefix.
    init: isShared(method) ? spec.init : undefined,
    seed,
    // Beside a checkpoint of Hugging Face's, heads that read more would be part of the difference.
    plain_head: isBesideFull || spec.plain_head,
    hyperparameters: isOwn && rate !== undefined ? spec.hyperparameters : others,
    train_graph: method === "full" ? undefined : spec.train_graph,
  };
}

function compareLines(
  metric: string,
  summary: readonly MethodSummary[],
  gaps: readonly Difference[],
): string[] {
  const percent = (share: number): string => (100 * share).toFixed(2);
  const header = ["method", metric, "95 % interval", "trained numbers", "bytes", "time", "to best"];
  const rows = summary.map(({ method, mean, interval, parameters, bytes, seconds }) => {
    const gap = gaps.find((item) => item.method === method);
    return [
      method,
      percent(mean),
      interval ? `${percent(interval[0])}-${percent(interval[1])}` : "-",
      parameters.toLocaleString("en"),
      bytes === null ? "-" : bytes.toLocaleString("en"),
      durationText(seconds),
      gap ? percent(gap.mean) : "-",
    ];
  });
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      )
      .join("  "),
  );
  const { seeds } = summary[0]!;
  const origin =
    seeds === 1
      ? "intervals are over resampled rows (one seed)"
      : seeds === 2
        ? "two seeds give no interval of their mean; it takes --seeds 3 or more"
        : `intervals are of the mean over ${seeds} seeds`;
  const unserved = summary.filter(({ method }) => !isServed(method)).map(({ method }) => method);
  return [
    ...lines,
    `${origin}; the reported rows chose nothing`,
    ...(unserved.length > 0
      ? [`for comparison only, cannot be served: ${unserved.join(", ")}`]
      : []),
  ];
}
