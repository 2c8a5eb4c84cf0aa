/** SetFit's cells: setfit_draw.py in a Python process of the user's choice, one process a cell. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { stopTree } from "../../scripts/node/process-tree.ts";
import { InputError } from "../../src/core/errors.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { intervalsOf, metricsOf, scoreOf } from "../../src/learn/measure/metrics.ts";
import { derive, keyOf } from "../../src/learn/random.ts";
import type { DrawFiles } from "./draws.ts";
import type { Outcome } from "./results.ts";

const SCRIPT = fileURLToPath(new URL("setfit_draw.py", import.meta.url));
const MAX_STDERR_CHARS = 2_000;
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
  const { checkpoint, files, test, seed, threads } = options;
  const answer = await ask(options, JSON.stringify({ checkpoint, ...files, threads, seed }));
  if (answer === null) return null;
  const { answers, seconds, bytes, pairs, versions } = answer;
  const truth = test.map(({ labels }) => labels[0]!);
  if (answers.length !== truth.length) {
    throw failed(options.python, `${answers.length} answers to ${truth.length} test rows`);
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

async function ask(
  { python, threads, signal }: SetFitOptions,
  request: string,
): Promise<Answer | null> {
  const child = spawn(python, [SCRIPT], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads) },
  });
  child.stdin.on("error", () => undefined); // the exit code says it
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-MAX_STDERR_CHARS);
  });
  const ended = once(child, "close").catch((error: Error) => {
    stderr += error.message;
  });
  const stop = (): void => void stopTree(child, ended);
  signal.addEventListener("abort", stop, { once: true });
  child.stdin.end(request);
  const lines = (await text(child.stdout)).trim().split("\n");
  await ended;
  signal.removeEventListener("abort", stop);
  if (signal.aborted) return null;
  if (child.exitCode !== 0) throw failed(python, stderr.trim());
  return JSON.parse(lines.at(-1)!) as Answer;
}

const failed = (python: string, why: string): InputError =>
  new InputError(
    "python-failed",
    `${python}: ${why}; --python names an interpreter with setfit (pip install setfit "transformers<5")`,
  );
