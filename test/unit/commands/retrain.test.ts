/** `npm run retrain`: which of the bundled tasks it takes for done, interrupted or new. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeData } from "../../../scripts/dev/retrain/task-data.ts";
import {
  entryOf,
  finished,
  readState,
  standingOf,
  writeState,
} from "../../../scripts/dev/retrain/state.ts";
import type { Entry } from "../../../scripts/dev/retrain/state.ts";
import { readDataFile } from "../../../scripts/runs/task/data-files.ts";
import { RUN_STATE } from "../../../scripts/runs/saved-run.ts";
import { temporaryFolder, writePaperBase } from "../../support/folders.ts";

let folder: ReturnType<typeof temporaryFolder>;
let task: string;
let entry: Entry;

beforeEach(async () => {
  folder = temporaryFolder("retrain");
  await writePaperBase(folder.path);
  task = join(folder.path, "mood");
  mkdirSync(task);
  writeFileSync(join(task, "task.json"), "{}");
  writeFileSync(join(task, "manifest.json"), "made");
  entry = await entryOf(task, folder.path);
});

afterEach(() => folder.remove());

describe("a task", () => {
  it("that was never trained here is new", async () => {
    expect(await standingOf(task, entry, undefined)).toBe("new");
  });

  it("that was trained from this task.json on this base is done", async () => {
    expect(await standingOf(task, entry, await finished(task, entry))).toBe("done");
  });

  it("is new for another base, after a change of task.json, or when its files are others", async () => {
    const saved = await finished(task, entry);
    expect(await standingOf(task, { ...entry, base: "another" }, saved)).toBe("new");
    writeFileSync(join(task, "task.json"), '{"seed": 1}');
    expect(await standingOf(task, await entryOf(task, folder.path), saved)).toBe("new");
    writeFileSync(join(task, "manifest.json"), "of an earlier commit");
    expect(await standingOf(task, entry, saved)).toBe("new");
  });

  it("whose run was saved is gone on with, unless it was of something else", async () => {
    expect(await standingOf(task, entry, entry)).toBe("new");
    writeFileSync(join(task, RUN_STATE), "");
    expect(await standingOf(task, entry, entry)).toBe("interrupted");
    expect(await standingOf(task, entry, { ...entry, source: "another" })).toBe("new");
  });
});

it("a start is new after a change of a task that it learns", async () => {
  const start = join(folder.path, "start");
  mkdirSync(start);
  writeFileSync(join(start, "start.json"), '{"tasks": ["../mood"]}');
  const before = await entryOf(start, folder.path);
  expect(await entryOf(start, folder.path)).toEqual(before);
  writeFileSync(join(task, "task.json"), '{"seed": 1}');
  expect((await entryOf(start, folder.path)).source).not.toBe(before.source);
});

it("what was reached is read again as it was written", async () => {
  const path = join(folder.path, "cache", "retrain.json");
  expect(await readState(path)).toEqual({});
  await writeState(path, { mood: entry });
  expect(await readState(path)).toEqual({ mood: entry });
});

it("the data of same-question keeps training and test questions apart", async () => {
  const data = join(folder.path, "banking77");
  mkdirSync(data);
  for (const part of ["train", "test"]) {
    const rows = ["a", "b"].flatMap((intent) =>
      [1, 2].map((n) => `${part} ${intent}${n},${intent}`),
    );
    writeFileSync(join(data, `${part}.csv`), ["text,category", ...rows, ""].join("\n"));
  }
  const pairs = join(folder.path, "same-question");
  await makeData(pairs, folder.path);
  for (const part of ["train", "test"]) {
    const { examples } = await readDataFile(join(pairs, "data", `${part}.jsonl`));
    expect(examples).toHaveLength(8);
    for (const { text, pair } of examples) {
      expect(text).toMatch(new RegExp(`^${part} `));
      expect(pair).toMatch(new RegExp(`^${part} `));
    }
  }
});
