/** SetFit's cells: setfit_draw.py in a Python process of the user's choice, one process a cell. */
import { fileURLToPath } from "node:url";
import type { Example } from "../../src/learn/data/read.ts";
import { intervalsOf, metricsOf, scoreOf } from "../../src/learn/measure/metrics.ts";
import { derive, keyOf } from "../../src/learn/random.ts";
import { pythonFailed, runPython } from "../python.ts";
import type { DrawFiles } from "./draws.ts";
import type { Outcome } from "./results.ts";

const SCRIPT = fileURLToPath(new URL("setfit_draw.py", import.meta.url));
const WANTS = 'an interpreter with setfit (pip install setfit "transformers<5")';
const METRIC = "accuracy";

export interface SetFitProgram {
  /** Interpreter with the package setfit. */
  readonly python: string;
  /** Folder of a Hugging Face checkpoint. */
  readonly checkpoint: string;
}

export interface SetFitOptions extends SetFitProgram {
  readonly files: DrawFiles;
  /** The rows of `files.test`. */
  readonly test: readonly Example[];
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** The last line that setfit_draw.py prints. */
interface Answer {
  readonly answers: readonly string[];
  readonly seconds: number;
  readonly bytes: number;
  readonly pairs: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** Lets SetFit learn a draw; null after an interrupt. Throws InputError `python-failed`. */
export async function runSetFit(options: SetFitOptions): Promise<Outcome | null> {
  const { python, checkpoint, files, test, seed, threads, signal } = options;
  const request = { checkpoint, ...files, threads, seed };
  let last = "";
  const run = { python, script: SCRIPT, request, threads, signal, wants: WANTS };
  const isDone = await runPython(run, (line) => {
    if (line.trim() !== "") last = line;
  });
  if (!isDone) return null;
  const { answers, seconds, bytes, pairs, versions } = JSON.parse(last) as Answer;
  const truth = test.map(({ labels }) => labels[0]!);
  if (answers.length !== truth.length) {
    const why = `${answers.length} answers to ${truth.length} test rows`;
    throw pythonFailed(python, why, WANTS);
  }
  const decisions = { kind: "class" as const, truth, predicted: [...answers] };
  const { low, high } = intervalsOf(decisions, derive(keyOf(0), "bootstrap"))[METRIC]!;
  return {
    metric: METRIC,
    score: scoreOf(metricsOf(decisions)),
    interval: [low, high],
    reported: null,
    seconds,
    bytes,
    settings: { pairs, threads, versions },
  };
}
