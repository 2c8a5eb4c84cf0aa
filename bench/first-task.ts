/**
 * A person's first hour, timed: a csv of 1,000 rows becomes an endpoint that answers, by one pasted
 * command line (train, push, npm start), in a storage of its own. Wall-clock times of real processes.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { InputError } from "../src/core/errors.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { PACKAGE } from "../scripts/node/project.ts";
import { freePort } from "../scripts/dev/readiness.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

const TASK = "first-task";
const BUNDLED_BASE = join(PACKAGE, "models", "pocket");
const ASK_EVERY_MS = 200;
/** wrangler ends its workerds within a tenth of a second; beyond this it hangs. */
const GRACE_MS = 10_000;

export const bench: Command = defineCommand({
  summary: "seconds from a csv of 1,000 rows to a live local endpoint",
  usage: "[--base DIR] [--data F] [--rows N]",
  example: [
    "npx edge-prefix bench first-task",
    "npx edge-prefix bench first-task --base models/minilm --data banking77/train.csv",
  ].join("\n"),
  options: {
    base: { type: "string", value: "DIR", hint: "base folder (default: the bundled one)" },
    data: {
      type: "string",
      value: "F",
      hint: "data file to draw the rows from (default: support questions made of templates)",
    },
    rows: { type: "string", value: "N", default: "1000", hint: "rows of the csv" },
  },
  async run({ values, io }) {
    const rows = readInteger(values.rows, "--rows", { min: 20 })!;
    const dir = await mkdtemp(join(tmpdir(), "edge-prefix-first-task-"));
    try {
      const csv = join(dir, "my.csv");
      await writeFile(csv, await csvOf(rows, values.data));
      const result = await timeRoad(dir, csv, values.base, io.signal, io.err);
      if (io.json) {
        const base = values.base ?? "bundled";
        const facts = { bench: "first-task", base, rows, data: values.data ?? "templates" };
        io.out(JSON.stringify({ ...facts, ...result, ...(await provenance()) }));
      } else {
        io.out(result.line);
        const { trained, published, answered } = result.seconds;
        io.out(
          table([
            ["", "after s"],
            ["trained", trained.toFixed(1)],
            ["published", published.toFixed(1)],
            ["first answer", answered.toFixed(1)],
          ]),
        );
      }
      return 0;
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
});

interface Road {
  /** What a person would paste. */
  readonly line: string;
  /** Since the line was started. */
  readonly seconds: {
    readonly trained: number;
    readonly published: number;
    readonly answered: number;
  };
}

async function timeRoad(
  dir: string,
  csv: string,
  base: string | undefined,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<Road> {
  const port = await freePort();
  const task = join(dir, TASK);
  const withBase = base === undefined ? "" : ` --base ${quoted(base)}`;
  const line = [
    `npx edge-prefix train ${quoted(csv)} --out ${quoted(task)}${withBase}`,
    // The first push of all brings the base along; later ones need not name it.
    `npx edge-prefix push ${quoted(task)} --base ${quoted(base ?? BUNDLED_BASE)}`,
    `npm start -- --port ${port}${withBase}`,
  ].join(" && ");
  const start = performance.now();
  const since = (): number => (performance.now() - start) / 1000;
  const child = spawn("sh", ["-c", line], {
    cwd: PACKAGE,
    env: { ...process.env, EDGE_PREFIX_PERSIST_TO: join(dir, "state") },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a process group of its own, so that all of it can be stopped
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let isOver = false;
  void ended.then(() => (isOver = true));
  let [trained, published] = [0, 0];
  const listen = (stream: Readable): void => {
    createInterface({ input: stream }).on("line", (text) => {
      note(text);
      if (trained === 0 && text.includes(": version ")) trained = since();
      if (published === 0 && text.includes(": published")) published = since();
    });
  };
  listen(child.stdout);
  listen(child.stderr);
  try {
    while (!(await isAnswered(port))) {
      signal.throwIfAborted();
      if (isOver) throw new InputError("command-failed", `${line}: ended without an answer`);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
    return { line, seconds: { trained, published, answered: since() } };
  } finally {
    if (!isOver) await stopGroup(child.pid!, ended);
  }
}

/** Stops the shell and whatever it runs now, and waits for the shell; a group that hangs is killed. */
async function stopGroup(group: number, ended: Promise<unknown>): Promise<void> {
  process.kill(-group, "SIGTERM");
  const timer = setTimeout(() => process.kill(-group, "SIGKILL"), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

async function isAnswered(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/v1/tasks/${TASK}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: "Where is my parcel?" }),
    signal: AbortSignal.timeout(5_000),
  }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
}

const quoted = (text: string): string =>
  /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A csv with `text` and `label`: rows drawn from a file, or made of templates. */
async function csvOf(rows: number, path: string | undefined): Promise<string> {
  const { permutation, keyOf } = await import("../src/learn/random.ts");
  const { readDataFile } = await import("../scripts/runs/task/data-files.ts");
  const all =
    path === undefined
      ? madeRows()
      : (
          await readDataFile(path, {
            textColumn: "text,sentence",
            labelColumn: "label,category",
          })
        ).examples.map(({ text, labels }) => ({ text, label: labels.join(" ") }));
  if (all.length < rows) {
    throw new InputError(
      "data-too-small",
      `${path}: has ${all.length} rows, ${rows} are asked for`,
    );
  }
  const chosen = Array.from(permutation(keyOf(0), all.length).subarray(0, rows), (i) => all[i]!);
  const field = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  return `text,label\n${chosen.map(({ text, label }) => `${field(text)},${field(label)}`).join("\n")}\n`;
}

const OPENINGS = ["Hello,", "Hi there,", "Good morning,", "Excuse me,", "Dear team,"];
const THINGS = ["parcel", "invoice", "subscription", "password", "new phone", "order", "refund"];
const TIMES = ["yesterday", "two weeks ago", "last Monday", "in March", "this morning"];
const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  complaint: ["I am unhappy with my", "something is wrong with the", "nobody helped me with my"],
  question: [
    "could you tell me more about my",
    "I would like to know about the",
    "how do I find my",
  ],
  cancellation: ["please cancel my", "I no longer want the", "stop everything to do with my"],
  praise: ["thank you for the quick", "I am delighted with my", "great work on my"],
};
const ENDINGS = ["that I asked for", "that came", "I wrote to you about", "which you confirmed"];

/** Support questions of some fifteen words; 8,400 different ones. */
function madeRows(): { text: string; label: string }[] {
  const rows = Object.entries(REQUESTS).flatMap(([label, requests]) =>
    requests.flatMap((request) =>
      OPENINGS.flatMap((opening) =>
        THINGS.flatMap((thing) =>
          ENDINGS.flatMap((ending) =>
            TIMES.map((time) => ({
              text: `${opening} ${request} ${thing} ${ending} ${time}, and I need an answer soon.`,
              label,
            })),
          ),
        ),
      ),
    ),
  );
  return rows;
}
