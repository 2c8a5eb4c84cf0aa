/**
 * `npm run retrain -- DATA_DIR`: trains every bundled task and start again, for a new base or a changed
 * task.json or start.json, and before them the teachers that tasks learn from. Each is a run of
 * `edge-prefix train`, or `pretrain`, in a process of its own; what is finished, or interrupted and saved,
 * is recognised, so the same command goes on.
 *
 *   npm run retrain -- DATA_DIR [FOLDER..] [--base DIR] [--teacher-base DIR] [--jobs N]
 *
 * Exit codes: 0 all trained, 1 a task failed, 2 wrong command line, 130 interrupted with its state saved.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { UsageError, readInteger } from "../cli/command.ts";
import { BUNDLED_BASE } from "../base/names.ts";
import { isStartFolder } from "../runs/pretrain/start-file.ts";
import { PACKAGE } from "../node/project.ts";
import { makeData } from "./retrain/task-data.ts";
import {
  entryOf,
  finished,
  readState,
  sourceOf,
  standingOf,
  titleOf,
  writeState,
} from "./retrain/state.ts";
import type { Entry, State } from "./retrain/state.ts";
import { isTeacherFolder, teacherBase, teachersFirst, trainedFolder } from "./retrain/teachers.ts";

const STATE = join(PACKAGE, ".cache", "retrain.json");

interface Request {
  readonly dataDir: string;
  readonly dirs: readonly string[];
  readonly base: string;
  /** Base of the teachers; undefined: the one of the name in their task.json. */
  readonly teacherBase: string | undefined;
  /** Tasks that are trained at the same time, a thread each; 1: one after the other, on every core. */
  readonly jobs: number;
}

/** One finished training, from the `--json` of `train`. */
interface Trained {
  readonly task: string;
  readonly score: { readonly name: string; readonly value: number; low: number; high: number };
  readonly prefix_bytes: number;
}

/** The same from that of `pretrain`. */
interface Pretrained {
  readonly tasks: readonly { readonly name: string; metric: string; score: number }[];
}

interface Outside {
  readonly say: (line: string) => void;
  /** Interrupts the runs, which save themselves. */
  readonly signal: AbortSignal;
}

/** Trains what is not done yet; returns the exit code. */
export async function retrain(request: Request, { say, signal }: Outside): Promise<number> {
  let state = await readState(STATE);
  // One after the other: two jobs may have something to say at the same time.
  let writing = Promise.resolve();
  const keep = (change: State): Promise<void> => {
    state = { ...state, ...change };
    writing = writing.then(() => writeState(STATE, state));
    return writing;
  };
  const codes: number[] = [];
  const trainFolder = async (dir: string): Promise<void> => {
    const name = titleOf(dir);
    const { base, entry } = await originOf(dir, request, state[name]);
    await makeData(dir, request.dataDir);
    const standing = await standingOf(dir, entry, state[name]);
    if (standing === "done") return say(`${name}: is trained on this base already`);
    await keep({ [name]: entry });
    const start = Date.now();
    const { code, result } = await train(dir, { ...request, base }, standing, { say, signal });
    codes.push(code);
    if (signal.aborted) return;
    if (!result) return say(`${name}: FAILED with exit code ${code}`);
    await keep({ [name]: await finished(dir, entry) });
    const minutes = ((Date.now() - start) / 60_000).toFixed(1);
    // The size of a teacher's head says nothing: its weights lie in its checkpoint.
    const bytes = isTeacherFolder(dir) || "tasks" in result ? "" : `, ${result.prefix_bytes} bytes`;
    say(`${name}: ${resultText(result)}${bytes}, ${minutes} min`);
  };
  const { teachers, others } = await teachersFirst(request.dirs);
  const waiting = [...others];
  for (const dir of teachers) {
    await trainFolder(dir);
    // Without it the tasks would fail later, or learn from what an earlier run made.
    if (signal.aborted) return 130;
    if (codes.some((code) => code !== 0)) return 1;
  }
  const work = async (): Promise<void> => {
    for (let dir = waiting.shift(); dir !== undefined; dir = waiting.shift()) {
      await trainFolder(dir);
      if (signal.aborted) return;
    }
  };
  await Promise.all(Array.from({ length: request.jobs }, work));
  if (signal.aborted) return 130;
  return codes.every((code) => code === 0) ? 0 : 1;
}

/** What a folder is made from, and the base. A finished teacher needs none: no task that learns from it does. */
async function originOf(
  dir: string,
  request: Request,
  saved: Entry | undefined,
): Promise<{ base: string; entry: Entry }> {
  if (!isTeacherFolder(dir)) return { base: request.base, entry: await entryOf(dir, request.base) };
  if (request.teacherBase === undefined && saved !== undefined) {
    const entry = { base: saved.base, source: await sourceOf(dir) };
    if ((await standingOf(dir, entry, saved)) === "done") return { base: "", entry };
  }
  const base = await teacherBase(dir, request.teacherBase);
  return { base, entry: await entryOf(dir, base) };
}

function resultText(result: Trained | Pretrained): string {
  if ("tasks" in result) {
    return result.tasks
      .map(({ name, metric, score }) => `${name} ${metric} ${score.toFixed(4)}`)
      .join(", ");
  }
  const { score } = result;
  const [value, low, high] = [score.value, score.low, score.high].map((x) => x.toFixed(4));
  return `${score.name} ${value} (${low} to ${high})`;
}

/** One run of `edge-prefix train` or `pretrain`. */
async function train(
  dir: string,
  { dataDir, base, jobs }: Pick<Request, "dataDir" | "base" | "jobs">,
  standing: "new" | "interrupted",
  { say, signal }: Outside,
): Promise<{ code: number; result: Trained | Pretrained | null }> {
  const threads = jobs > 1 ? ["--threads", "1"] : [];
  const resume = standing === "interrupted" ? ["--resume"] : [];
  // As a person would name it: the report repeats it.
  const args = [
    isStartFolder(dir) ? "pretrain" : "train",
    relative(process.cwd(), dir) || ".",
    "--data-dir",
    dataDir,
    "--base",
    base,
    "--json",
    ...(isTeacherFolder(dir) ? ["--out", trainedFolder(dir)] : []),
  ];
  const cli = join(import.meta.dirname, "..", "cli.ts");
  const child = spawn(process.execPath, [cli, ...args, ...threads, ...resume], {
    stdio: ["ignore", "pipe", "pipe"],
    // Of a group of its own: Ctrl-C would reach it twice, and the second one ends it at once.
    detached: true,
  });
  const interrupt = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", interrupt, { once: true });
  const name = titleOf(dir);
  createInterface(child.stderr).on("line", (line) => say(`${name}: ${line}`));
  let json = "";
  child.stdout.on("data", (chunk: Buffer) => (json += chunk.toString("utf8")));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve(exit ?? 1));
  }).finally(() => signal.removeEventListener("abort", interrupt));
  return { code, result: code === 0 ? (JSON.parse(json) as Trained | Pretrained) : null };
}

/** Every folder of `prefixes/starts` with a start.json, then every one of `prefixes` with a task.json. */
async function bundledFolders(): Promise<string[]> {
  const root = join(PACKAGE, "prefixes");
  const inside = async (folder: string): Promise<string[]> =>
    existsSync(folder) ? (await readdir(folder)).toSorted().map((name) => join(folder, name)) : [];
  const starts = (await inside(join(root, "starts"))).filter(isStartFolder);
  const tasks = (await inside(root)).filter((dir) => existsSync(join(dir, "task.json")));
  return [...starts, ...tasks];
}

async function readRequest(argv: readonly string[]): Promise<Request> {
  const options = {
    base: { type: "string" },
    "teacher-base": { type: "string" },
    jobs: { type: "string" },
  } as const;
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: [...argv], options, allowPositionals: true });
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  })();
  const [dataDir, ...named] = positionals;
  if (dataDir === undefined) {
    throw new UsageError(
      "usage: npm run retrain -- DATA_DIR [FOLDER..] [--base DIR] [--teacher-base DIR] [--jobs N]",
    );
  }
  return {
    dataDir,
    dirs: named.length > 0 ? named : await bundledFolders(),
    base: values.base ?? BUNDLED_BASE,
    teacherBase: values["teacher-base"],
    jobs: readInteger(values.jobs, "--jobs", { min: 1, max: 64 }) ?? 1,
  };
}

if (import.meta.main) {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
  try {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    process.exitCode = await retrain(await readRequest(process.argv.slice(2)), {
      say,
      signal: abort.signal,
    });
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
