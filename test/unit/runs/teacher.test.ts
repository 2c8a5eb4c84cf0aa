/** A teacher on the tiny base: asked once, learned beside the labels, and refused where it does not fit. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBase } from "../../../scripts/base/open-base.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { sha256 } from "../../../scripts/node/hash.ts";
import { RUN_STATE, folderRun, teacherAnswers } from "../../../scripts/runs/saved-run.ts";
import { diskSources } from "../../../scripts/runs/task/data-files.ts";
import { NODE_HOST } from "../../../scripts/runs/task/host.ts";
import { openTeacher } from "../../../scripts/runs/task/open-teacher.ts";
import { writeTrainedTask } from "../../../scripts/runs/task/write-task.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { tokenizerOf } from "../../../src/encoder/loaded-base.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import { readTaskSpec } from "../../../src/learn/task/spec.ts";
import { teach } from "../../../src/learn/task/teacher.ts";
import type { Teacher } from "../../../src/learn/task/teacher.ts";
import { trainTask } from "../../../src/learn/task/train-task.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";
import { asText, runVerb } from "../../support/verb.ts";

const TOPICS = ["film", "movie", "plot", "story"];
const MOODS = { good: "up", great: "up", bad: "down", dull: "down" };
const rows = Object.entries(MOODS).flatMap(([word, label]) =>
  TOPICS.map((topic) => ({ text: `the ${topic} was ${word}`, label })),
);
const texts = TOPICS.flatMap((topic) => [`that ${topic} was fine`, `that ${topic} was awful`]);

let base: Base;
let other: Base;
let dir: string;
const opened: Teacher[] = [];
beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
  other = await makeTinyBase({ dtype: "fp32", seed: 2 });
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-teacher-"));
  const jsonl = (list: readonly unknown[]): string => list.map((r) => JSON.stringify(r)).join("\n");
  await writeFile(join(dir, "train.jsonl"), jsonl(rows));
  await writeFile(join(dir, "eval.jsonl"), jsonl([{ text: "the music was good", label: "up" }]));
  // One of them is an evaluation text, one a training text, one is repeated.
  const more = [...texts, texts[0], "the music was good", "the film was bad"];
  await writeFile(join(dir, "more.txt"), more.join("\n"));
});
afterAll(async () => {
  for (const { loaded } of opened) await loaded.encoder.release();
  await rm(dir, { recursive: true });
});

const { signal } = new AbortController();

async function prepare(json: Record<string, unknown> = {}, on = base) {
  const { data, ...rest } = json;
  const task = {
    method: "linear",
    pooling: "cls",
    hyperparameters: { epochs: 2, batch_size: 8, learning_rate: 0.05 },
    data: { train: "train.jsonl", eval: "eval.jsonl", ...(data as object) },
    ...rest,
  };
  const spec = readTaskSpec(encodeUtf8(JSON.stringify(task)), "task.json");
  const notes: string[] = [];
  const options = diskSources({ folders: [dir], strict: true, note: (line) => notes.push(line) });
  const prepared = await prepareTask(spec, on.manifest, tokenizerOf(on), options);
  return { spec, prepared, notes };
}

/** Trains on `on` and writes `out`; its teacher's folder, where there is one. */
async function train(
  out: string,
  { spec, prepared }: Awaited<ReturnType<typeof prepare>>,
  on = base,
) {
  const runtimes = { ...NODE_HOST, createSession: createNodeSession, openBase };
  const result = await trainTask(spec, prepared, on, runtimes, {
    name: "mood",
    ...folderRun(out),
    resume: false,
    signal,
    now: () => 0,
    note: () => {},
    onStep: () => {},
    onEpoch: () => {},
  });
  if (!result.isDone) throw new Error("the run was interrupted");
  const { pooling, maxLength } = prepared;
  const data = { source: "a book of tides" };
  const taskJson = JSON.stringify({ pooling, max_length: maxLength, name: "tutor", data });
  await writeTrainedTask(out, spec, prepared, result, { taskJson });
  return result;
}

async function open(folder: string, student = base): Promise<Teacher> {
  const teacher = await openTeacher(folder, { base: undefined, student, note: () => {} });
  opened.push(teacher);
  return teacher;
}

const ask = (
  prepared: Awaited<ReturnType<typeof prepare>>["prepared"],
  teacher: Teacher,
  changes: Partial<Parameters<typeof teach>[2]> = {},
) =>
  teach(prepared, teacher, {
    store: teacherAnswers(join(dir, "student")),
    sha256,
    signal,
    onProgress: () => {},
    ...changes,
  });

const TEACHER = { teacher: { path: "teacher", share: 0.25, temperature: 2 } };

test("a task that knows texts that fit no label teaches its labels alone", async () => {
  const judged = ["that", "this"].flatMap((one) =>
    rows.map(({ text, label }) => JSON.stringify({ text: text.replace("the", one), label })),
  );
  await writeFile(join(dir, "judged.jsonl"), judged.join("\n"));
  const folder = join(dir, "choosy");
  await train(folder, await prepare({ other: "neither", data: { eval: "judged.jsonl" } }));
  const { prepared } = await prepare({ teacher: folder });
  const store = teacherAnswers(join(dir, "of-choosy"));
  const taught = (await ask(prepared, await open(folder), { store }))!.train;
  expect(taught.map((row) => row.taught!.length)).toEqual(rows.map(() => 2));
  expect(taught.flatMap((row) => row.taught!).every(Number.isFinite)).toBe(true);
});

describe("a fine-tuned checkpoint on another base", () => {
  test("teaches rows and texts without a label, once, and the card names it", async () => {
    const folder = join(dir, "teacher");
    const full = await train(folder, await prepare({ method: "full" }, other), other);
    const teacher = await open(folder);
    expect(teacher.task.manifest.labels).toEqual(["down", "up"]);

    const asked = await prepare({ ...TEACHER, data: { unlabelled: "more.txt" } });
    expect(asked.prepared.unlabelled.map(({ text }) => text)).toEqual(texts);
    expect(asked.notes.join()).toContain("unlabelled texts left out: 3,");
    const prepared = (await ask(asked.prepared, teacher))!;
    const taught = [...prepared.train, ...prepared.unlabelled].map((row) => row.taught!);
    expect(taught).toHaveLength(rows.length + texts.length);

    // The run measured its last row by the very weights that answer here.
    const evaluation = await prepare({
      ...TEACHER,
      data: { train: "eval.jsonl", eval: "train.jsonl" },
      labels: ["down", "up"],
    });
    const [same] = (await ask(evaluation.prepared, teacher, {
      store: teacherAnswers(join(dir, "x")),
    }))!.train;
    expect(same!.taught![0]).toBeCloseTo(full.logits[0]!.rows[0]![0]!, 4);

    // Answers are kept: a teacher that would answer otherwise is not asked again.
    const mute = { ...teacher, loaded: null as unknown as Teacher["loaded"] };
    const again = (await ask(asked.prepared, mute))!;
    expect(again.unlabelled).toEqual(prepared.unlabelled);

    const out = join(dir, "student");
    expect(existsSync(teacherAnswers(out).name)).toBe(true);
    const taughtRun = await train(out, { ...asked, prepared });
    expect(existsSync(teacherAnswers(out).name)).toBe(false);
    const alone = await train(join(dir, "alone"), await prepare());
    expect(taughtRun.packed.prefixBytes).not.toEqual(alone.packed.prefixBytes);
    const card = await readFile(join(out, "CARD.md"), "utf8");
    expect(card).toContain(
      "Taught by tutor, a fine-tuned checkpoint (fp32) that learned from a book of tides:",
    );
    expect(card).toContain("it alone answered 8 texts without a label");
  });
});

test("a teacher that is interrupted leaves no task and no answers", async () => {
  const { prepared } = await prepare(TEACHER);
  const teacher = await open(join(dir, "teacher"));
  const store = teacherAnswers(join(dir, "stopped"));
  expect(await ask(prepared, teacher, { store, signal: AbortSignal.abort() })).toBeNull();
  expect(await store.read()).toBeNull();
});

describe("a teacher", () => {
  test("on the task's own base needs no folder of a base", async () => {
    await train(join(dir, "own"), await prepare());
    const teacher = await open(join(dir, "own"));
    expect(teacher.identity).toContain(base.manifest.identity);
  });

  test("is refused where its labels are others", async () => {
    const teacher = await open(join(dir, "own"));
    const { prepared } = await prepare({ ...TEACHER, labels: ["down", "up", "so so"] });
    await expect(ask(prepared, teacher)).rejects.toMatchObject({ code: "teacher-labels-mismatch" });
  });

  test.each([
    ["tags", { type: "token", data: { train: "train.conll" } }],
    ["a contrastive objective", { method: "bias", objective: "contrastive" }],
    ["several labels a text", { problem_type: "multi_label_classification" }],
  ])("is refused for %s", async (_name, { data, ...json }: Record<string, unknown>) => {
    await writeFile(join(dir, "train.conll"), "paris B-LOC\n\nlondon B-LOC\n");
    const refused = prepare({ ...TEACHER, ...json, data: { eval: [], ...(data as object) } });
    await expect(refused).rejects.toMatchObject({ code: "training-unsupported" });
  });

  test("is needed by texts without labels, and has to be asked before a run", async () => {
    const texts = prepare({ data: { unlabelled: "more.txt" } });
    await expect(texts).rejects.toMatchObject({ code: "training-unsupported" });
    const unasked = train(join(dir, "unasked"), await prepare(TEACHER));
    await expect(unasked).rejects.toMatchObject({ code: "training-unsupported" });
  });

  test("is not found in a folder without a task and without a checkpoint", async () => {
    await expect(open(dir)).rejects.toMatchObject({ code: "teacher-not-found" });
  });
});

test("a teacher is not asked where an unfinished run lies in the way", async () => {
  const out = join(dir, "unfinished");
  await mkdir(out);
  await writeFile(join(out, RUN_STATE), "{}");
  const taught = ["--out", out, "--teacher", join(dir, "nowhere")];
  const { code, err } = asText(await runVerb("train", join(dir, "train.jsonl"), ...taught));
  expect([code, err]).toEqual([1, expect.stringContaining("[run-saved]")]);
});
