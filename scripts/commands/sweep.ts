/**
 * `sweep`: prompt length x learning rate by successive halving, scored on a tenth of the training
 * rows; the choice goes into task.json, and the map of the scores into the next report.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../node/files.ts";
import { parseJson } from "../../src/core/text.ts";
import { METHODS } from "../../src/learn/methods.ts";
import { MAX_SHARE, gridCompute, planCompute, planRungs, runLength } from "../runs/sweep/plan.ts";
import type { Rung } from "../runs/sweep/plan.ts";
import type { Candidate, SweepOutcome, SweepRun } from "../runs/sweep/sweep-run.ts";
import { writeTaskSpec } from "../../src/learn/task/spec.ts";
import { UsageError, defineCommand, readChoice, readInteger, readNumber } from "../cli/command.ts";
import { TRIAL_OPTIONS, openTrials } from "../cli/trial-setup.ts";
import type { TrialSetup } from "../cli/trial-setup.ts";
import { filesSeenFrom } from "../cli/train-request.ts";
import { preciseNow } from "../node/clock.ts";

/** Finished and interrupted runs of a sweep, below the task folder. */
const FOLDER = ".sweep";
const { lr: _lr, "num-virtual-tokens": _length, ...OPTIONS } = TRIAL_OPTIONS;

export const command = defineCommand({
  summary:
    "find the prompt length and learning rate that suit a task, at a fifth of the grid's cost",
  usage: "TASK_DIR | DATA_FILE [--lengths P,..] [--rates X,..] [--seeds N] [options of train]",
  example: [
    "npx edge-prefix sweep prefixes/intent",
    "npx edge-prefix sweep tickets.csv --lengths 8,16,32 --rates 0.003,0.01,0.03 --seeds 3",
  ].join("\n"),
  options: {
    lengths: {
      type: "string",
      value: "P,..",
      hint: "prompt lengths (8,16,32,64; for tags 16,32,64,128)",
    },
    rates: {
      type: "string",
      value: "X,..",
      hint: "learning rates (the method's own times 0.3, 1 and 3)",
    },
    seeds: { type: "string", value: "N", default: "3", hint: "seeds of the last candidates" },
    share: {
      type: "string",
      value: "X",
      default: String(MAX_SHARE),
      hint: "share of the full grid's compute to spend, at most 0.2",
    },
    method: {
      type: "string",
      value: METHODS.join("|"),
      hint: "what is trained with the head (prefix)",
    },
    ...OPTIONS,
  },
  async run({ values, positionals, io }) {
    const seeds = readInteger(values.seeds, "--seeds", { min: 1, max: 100 })!;
    const share = readNumber(values.share, "--share", { min: 0.001, max: MAX_SHARE })!;
    const lengths = readNumbers(values.lengths, "--lengths", { min: 1, max: 1024, integer: true });
    const rates = readNumbers(values.rates, "--rates", { min: 1e-8, max: 10 });
    const asked = readChoice(values.method, "--method", METHODS);
    const none = { lr: undefined, "num-virtual-tokens": undefined };
    const setup = await openTrials({ ...values, ...none }, positionals, io);
    const method = asked ?? setup.spec.method ?? "prefix";
    const { withFolderLock } = await import("../node/folder-lock.ts");
    return withFolderLock(setup.out, async () => {
      const { divideFairly } = await import("../runs/trial/rows.ts");
      const { candidatesOf, nameOf, sweep, sweepFacts } =
        await import("../runs/sweep/sweep-run.ts");
      const { scoreName } = await import("../../src/learn/measure/metrics.ts");
      const { writeSweep } = await import("../runs/sweep/sweep-file.ts");

      const spec = { ...setup.spec, method };
      const whole = await divideFairly({ ...spec, seed: 0 }, setup.fair);
      const { type, problemType, hyperparameters, train } = whole.prepared;
      const candidates = candidatesOf(method, type, {
        ...(lengths && { lengths }),
        ...(rates && { rates }),
      });
      const rungs = planRungs({ candidates: candidates.length, seeds, share });
      const full = { epochs: hyperparameters.epochs, rows: train.length };
      // Short runs differ from whole ones in their length only, not in what follows from it.
      const pinned = { ...spec, hyperparameters, max_length: whole.prepared.maxLength };
      for (const line of planLines(candidates, seeds, rungs)) io.err(line);

      const outcome = await sweep(candidates, rungs, async (run) => {
        const result = await runOf(run, { ...setup, spec: pinned }, full, io.signal);
        const title = `${nameOf(run)}, seed ${run.seed}, ${(100 * run.budget).toFixed(0)} % of a run`;
        io.err(
          result === null ? `${title}: interrupted and saved` : `${title}: ${result.toFixed(4)}`,
        );
        return result;
      });
      if (outcome === null) {
        io.err("the same command goes on with it");
        return 130;
      }
      const facts = sweepFacts(outcome, scoreName({ type, problem_type: problemType }));
      await writeSweep(setup.out, facts);
      await storeChoice({ ...setup, spec }, outcome);
      const size = { candidates: candidates.length, seeds };
      if (io.json) {
        io.out(
          JSON.stringify({
            task: setup.name,
            out: setup.out,
            ...facts,
            rungs,
            compute: outcome.compute,
            grid: gridCompute(size),
          }),
        );
      } else {
        for (const { score, interval, seeds: count, budget, ...candidate } of facts.cells) {
          const sure = interval
            ? ` (${interval.map((end) => (100 * end).toFixed(1)).join("-")})`
            : "";
          io.out(
            `${nameOf(candidate)}: ${(100 * score).toFixed(1)}${sure}, ${count} ${count === 1 ? "seed" : "seeds"}, ${(100 * budget).toFixed(0)} % of a run`,
          );
        }
        io.out(outcome.reason);
        io.out(
          `written into ${join(setup.out, "task.json")}; now: npx edge-prefix train ${setup.out}`,
        );
      }
      return 0;
    });
  },
});

/** What will be run, and what share of the full grid that is. */
function planLines(
  candidates: readonly Candidate[],
  seeds: number,
  rungs: readonly Rung[],
): string[] {
  const grid = gridCompute({ candidates: candidates.length, seeds });
  const spent = planCompute(rungs);
  return [
    `${candidates.length} settings x ${seeds} seeds are ${grid} full runs; this takes the steps of ${spent.toFixed(1)} (${((100 * spent) / grid).toFixed(0)} %)`,
    ...rungs.map(
      (rung, i) =>
        `  round ${i + 1}: ${rung.candidates} settings x ${rung.seeds} ${rung.seeds === 1 ? "seed" : "seeds"}, each ${(100 * rung.budget).toFixed(0)} % of a run`,
    ),
  ];
}

/** Score of one run on the rows by which its epoch is chosen; null when it was interrupted. */
async function runOf(
  { numVirtualTokens, learningRate, seed, budget }: SweepRun,
  { spec, base, runtimes, fair, out }: TrialSetup,
  full: { readonly epochs: number; readonly rows: number },
  signal: AbortSignal,
): Promise<number | null> {
  const { divideFairly } = await import("../runs/trial/rows.ts");
  const { keptTrial } = await import("../runs/trial/kept.ts");
  const { epochs, rows } = runLength(budget, full);
  const wanted = {
    ...spec,
    seed,
    ...(numVirtualTokens > 0 && { num_virtual_tokens: numVirtualTokens }),
    max_rows: rows,
    hyperparameters: { ...spec.hyperparameters, learning_rate: learningRate, epochs, patience: 0 },
  };
  const { prepared } = await divideFairly(wanted, { ...fair, note: () => {} });
  const kept = await keptTrial(join(out, FOLDER), {
    name: `${numVirtualTokens}.${learningRate}.${seed}.${epochs}x${rows}`,
    spec: wanted,
    prepared,
    base,
    reported: null,
    runtimes,
    signal,
    now: preciseNow,
    note: fair.note,
  });
  return kept?.result.score ?? null;
}

/** Writes the chosen settings into the task's source; what else a person wrote there stays as it is. */
async function storeChoice(
  { spec, name, out }: TrialSetup,
  { chosen }: SweepOutcome,
): Promise<void> {
  const path = join(out, "task.json");
  const { numVirtualTokens, learningRate } = chosen;
  const settings = numVirtualTokens > 0 ? { num_virtual_tokens: numVirtualTokens } : {};
  let text: string;
  if (existsSync(path)) {
    const source = parseJson(await readFile(path), path) as Record<string, unknown>;
    const hyperparameters = {
      ...(source["hyperparameters"] as object | undefined),
      learning_rate: learningRate,
    };
    text = `${JSON.stringify({ ...source, method: spec.method, ...settings, hyperparameters }, null, 2)}\n`;
  } else {
    text = writeTaskSpec({
      ...spec,
      ...settings,
      name,
      hyperparameters: { ...spec.hyperparameters, learning_rate: learningRate },
      data: { ...spec.data, ...filesSeenFrom(out, spec) },
    });
  }
  await writeWhole(path, text);
}

function readNumbers(
  value: string | undefined,
  name: string,
  range: { min: number; max: number; integer?: boolean },
): number[] | undefined {
  const numbers = value?.split(",").map((item) => readNumber(item.trim(), name, range)!);
  if (numbers && new Set(numbers).size < numbers.length) {
    throw new UsageError(`${name} names a value twice: ${value}`);
  }
  return numbers;
}
