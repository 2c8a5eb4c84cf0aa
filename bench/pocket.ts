/**
 * What the bundled base is worth beside the 6-layer MiniLM that it descends from: its tasks, how
 * alike the two find texts, and what it saves in time and memory. Each part is a file of
 * bench/results/pocket; parts, and trials within the tasks, that are there are not made again.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command, Io } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { PACKAGE } from "../scripts/node/project.ts";
import { findingsOf } from "./pocket/findings.ts";
import type { Finding, Results } from "./pocket/findings.ts";
import type { TaskRatio, TrialsOptions } from "./pocket/tasks.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";
import { writeWhole } from "../scripts/node/files.ts";

const RESULTS = new URL("results/pocket/", import.meta.url).pathname;
const PARTS = ["tasks", "similarity", "latency", "cold", "memory"] as const;
type Part = (typeof PARTS)[number];

export const bench: Command = defineCommand({
  summary: "the bundled base beside MiniLM-L6: tasks, similarities, latency, cold start, memory",
  usage: "--data DIR --minilm DIR --teacher DIR --corpus F --peer DIR [--only PART,..]",
  example:
    "npx edge-prefix bench pocket --data data --minilm models/minilm --teacher models/minilm-fp32 --corpus enwiki.txt.gz --peer peers/all-MiniLM-L6-v2\n" +
    "npx edge-prefix bench pocket --only tasks --tasks intent,slots --data data --minilm models/minilm",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "the bundled base" },
    minilm: { type: "string", value: "DIR", hint: "all-MiniLM-L6-v2, imported as int8" },
    teacher: { type: "string", value: "DIR", hint: "the same with --dtype fp32 (similarity)" },
    corpus: { type: "string", value: "F", hint: "Wikipedia, a paragraph a line (similarity)" },
    texts: { type: "string", value: "N", default: "1000", hint: "held-back texts (similarity)" },
    data: { type: "string", value: "DIR", hint: "folder of the tasks' data sets (tasks)" },
    peer: { type: "string", value: "DIR", hint: "as for `bench cold` (cold)" },
    only: { type: "string", value: "PART,..", hint: `some of ${PARTS.join(", ")}` },
    tasks: { type: "string", value: "TASK,..", hint: "some of the bundled tasks (all)" },
    threads: { type: "string", value: "N", hint: "threads of training (one a core)" },
    samples: { type: "string", value: "N", default: "10", hint: "cold starts of each" },
    rounds: { type: "string", value: "N", default: "40", hint: "measured rounds of the latency" },
    work: { type: "string", value: "DIR", default: ".cache/pocket", hint: "where trials are kept" },
    results: { type: "string", value: "DIR", default: RESULTS, hint: "where the numbers go" },
  },
  async run({ values, io }) {
    const parts = readList(values.only, "--only", PARTS) ?? PARTS;
    const integer = (name: "samples" | "rounds" | "texts", min: number) =>
      readInteger(values[name], `--${name}`, { min })!;
    const minilm = required(values.minilm, "--minilm");
    const { base } = values;
    const make: Record<Part, () => Promise<object | null>> = {
      tasks: () =>
        taskRatios(base, minilm, io, {
          data: required(values.data, "--data"),
          work: values.work,
          only: values.tasks,
          threads: readInteger(values.threads, "--threads", { min: 1, max: 1024 }),
        }),
      async similarity() {
        const { compareBases } = await import("./distill/compare-bases.ts");
        const dirs = { teacher: required(values.teacher, "--teacher"), base };
        const corpus = [required(values.corpus, "--corpus")];
        return (await compareBases(dirs, corpus, integer("texts", 2), io.signal)).similarity;
      },
      latency: async () =>
        (await import("./pocket/parts.ts")).latency(base, minilm, integer("rounds", 1)),
      async cold() {
        const { coldStart } = await import("./pocket/parts.ts");
        return coldStart(minilm, required(values.peer, "--peer"), integer("samples", 1), io);
      },
      memory: async () => (await import("./pocket/parts.ts")).heap(base, io),
    };
    for (const part of parts) {
      io.err(part);
      const made = await make[part]();
      if (made === null) {
        io.err("interrupted and saved; the same command goes on");
        return 130;
      }
      await writeResult(values.results, part, { bench: "pocket", part, ...made });
    }
    const results = await readResults(values.results);
    const findings = findingsOf(results);
    if (io.json) io.out(JSON.stringify({ results, findings }));
    else io.out(textOf(results, findings));
    return findings.every(({ ok }) => ok) ? 0 : 1;
  },
});

/** Every task of `prefixes`, or the named ones, beside itself on MiniLM; null when interrupted. */
async function taskRatios(
  pocketDir: string,
  minilmDir: string,
  io: Io,
  {
    only,
    ...options
  }: Pick<TrialsOptions, "data" | "work" | "threads"> & { readonly only: string | undefined },
) {
  const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
  const { meanRatio, ratioOf, shippedScore, trainedOn } = await import("./pocket/tasks.ts");
  const root = join(PACKAGE, "prefixes");
  const all = (await readdir(root)).filter((name) => existsSync(join(root, name, "task.json")));
  const names = readList(only, "--tasks", all) ?? all.toSorted();
  const [pocket, minilm] = [await readBaseFolder(pocketDir), await readBaseFolder(minilmDir)];
  const trial = { ...options, signal: io.signal, note: (line: string) => io.err(line) };
  const tasks: TaskRatio[] = [];
  for (const name of names) {
    const dir = join(root, name);
    const theirs = await trainedOn(dir, minilm, trial);
    if (!theirs) return null;
    const ours = await shippedScore(dir, pocket.manifest);
    const ratio = ratioOf(basename(dir), ours, theirs);
    io.err(`${name}: ${percent(ours.score)} of ${percent(theirs.score)}`);
    tasks.push(ratio);
  }
  const identity = { pocket: pocket.manifest.identity, minilm: minilm.manifest.identity };
  return { identity, mean_ratio: meanRatio(tasks), tasks };
}

async function writeResult(folder: string, part: Part, result: object): Promise<void> {
  const path = join(folder, `${part}.json`);
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify(
    { ...result, ...(await provenance()), command: commandOf(part) },
    null,
    2,
  );
  await writeWhole(path, `${text}\n`);
}

/** Without the folders of one machine. */
const commandOf = (part: Part): string =>
  `npx edge-prefix bench pocket --only ${part} --data DATA --minilm MINILM --teacher MINILM_FP32 --corpus WIKIPEDIA --peer PEER`;

async function readResults(folder: string): Promise<Results> {
  const found = PARTS.map((part) => [part, join(folder, `${part}.json`)] as const).filter(
    ([, path]) => existsSync(path),
  );
  const read = found.map(async ([part, path]) => [part, JSON.parse(await readFile(path, "utf8"))]);
  return Object.fromEntries(await Promise.all(read)) as Results;
}

function textOf({ tasks }: Results, findings: readonly Finding[]): string {
  const rows = (tasks?.tasks ?? []).map(({ task, metric, pocket, minilm, ratio }) => [
    task,
    metric,
    percent(pocket.score),
    percent(minilm.score),
    ratio.toFixed(3),
  ]);
  const tables = [
    [["task", "metric", "pocket", "minilm", "ratio"], ...rows],
    [
      ["", "measured", "limit", ""],
      ...findings.map(({ what, measured, limit, ok }) => [
        what,
        measured,
        limit,
        ok ? "ok" : "FAILED",
      ]),
    ],
  ];
  return tables
    .filter(({ length }) => length > 1)
    .map(table)
    .join("\n\n");
}

const percent = (share: number): string => (100 * share).toFixed(1);
