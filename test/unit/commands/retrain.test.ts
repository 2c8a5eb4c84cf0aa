/** `npm run retrain`: which of the bundled tasks it takes for done, interrupted or new. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
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
import { teacherBase, teachersFirst } from "../../../scripts/dev/retrain/teachers.ts";
import { wholeUserNames, withAddresses } from "../../../scripts/dev/retrain/tweets-data.ts";
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

describe("a teacher", () => {
  let student: string;
  let teacher: string;

  beforeEach(() => {
    student = join(folder.path, "prefixes", "mood");
    teacher = join(folder.path, "prefixes", "teachers", "mood");
    mkdirSync(student, { recursive: true });
    mkdirSync(teacher, { recursive: true });
    const path = "../../.cache/teachers/mood";
    writeFileSync(join(student, "task.json"), JSON.stringify({ teacher: { path } }));
    writeFileSync(join(teacher, "task.json"), '{"base": "large"}');
  });

  it("is trained before the task that names it, once", async () => {
    const both = { teachers: [teacher], others: [student] };
    expect(await teachersFirst([student])).toEqual(both);
    expect(await teachersFirst([student, teacher])).toEqual(both);
    expect(await teachersFirst([task])).toEqual({ teachers: [], others: [task] });
  });

  it("is done when its checkpoint lies where the task looks for it", async () => {
    const made = await entryOf(teacher, folder.path);
    const checkpoint = join(folder.path, ".cache", "teachers", "mood", "checkpoint");
    mkdirSync(checkpoint, { recursive: true });
    writeFileSync(join(checkpoint, "model.safetensors"), "weights");
    const saved = await finished(teacher, made);
    expect(await standingOf(teacher, made, saved)).toBe("done");
    writeFileSync(join(checkpoint, "model.safetensors"), "of another run");
    expect(await standingOf(teacher, made, saved)).toBe("new");
  });

  it("makes its task new after a change", async () => {
    const before = await entryOf(student, folder.path);
    writeFileSync(join(teacher, "task.json"), '{"base": "large", "seed": 1}');
    expect((await entryOf(student, folder.path)).source).not.toBe(before.source);
  });

  it("without a base says how to make one", async () => {
    expect(await teacherBase(teacher, folder.path)).toBe(folder.path);
    await expect(teacherBase(teacher, undefined)).rejects.toThrow(
      /^teacher mood: is not trained yet, .*models.large holds no base.* import CHECKPOINT .* --teacher-base DIR$/,
    );
  });
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

describe("the data of sentiment", () => {
  const write = (name: string, content: string | Uint8Array): void => {
    mkdirSync(join(folder.path, name, ".."), { recursive: true });
    writeFileSync(join(folder.path, name), content);
  };
  const made = async (name: string): Promise<string> => {
    await makeData(join(folder.path, name), folder.path);
    return join(folder.path, name, "data");
  };
  const neutral = ["The lake lies near St. Moritz in a valley.", "play some music for me please"];

  beforeEach(() => {
    write("corpus/enwiki2015-00.txt.gz", gzipSync(`${neutral[0]!} It is deep.\ntoo short`));
    write("snips/train/seq.in", `${neutral[1]!}\n`);
    write("snips/train/label", "PlayMusic\n");
    const reviews = [
      "A slow film. I loved every minute of it.",
      "The film is a waste of my time. My friend Rosa liked it a lot. He did not like any of it.",
      "<br />Do not buy it, my friends! The end comes.",
    ];
    write("corpus/imdb-unsup.txt.gz", gzipSync(reviews.join("\n")));
    const tweets = "what a day \ntrain is late again\n";
    write("tweeteval/sentiment/val_text.txt", tweets);
    write("tweeteval/sentiment/val_labels.txt", "2\n0\n");
    write("tweeteval/sentiment/test_text.txt", `the train leaves at nine\n${tweets}`);
    write("tweeteval/sentiment/test_labels.txt", "1\n2\n0\n");
    for (const part of ["a", "b", "e", "g", "h"]) {
      write(`btc/${part}.conll`, `Lunch\tO\nby\tO\nthe\tO\nlake\tO\n${part}\tO\n\n`);
    }
  });

  it("are short texts without labels: sentences that speak of no film and hold no name, and tweets", async () => {
    const path = join(await made("sentiment"), "short.txt");
    expect(readFileSync(path, "utf8").trimEnd().split("\n")).toEqual([
      "I loved every minute of it.",
      "Do not buy it, my friends!",
      ...["a", "b", "e", "g", "h"].map((part) => `Lunch by the lake ${part}`),
    ]);
  });

  it("are tweets that people judged, each once: those that are neither praise nor blame are half and half", async () => {
    const { examples } = await readDataFile(join(await made("sentiment"), "tweets.jsonl"));
    expect(examples.map(({ text, labels, shares }) => [text, shares ?? labels])).toEqual([
      ["what a day", ["1"]],
      ["train is late again", ["0"]],
      [
        "the train leaves at nine",
        [
          ["0", 0.5],
          ["1", 0.5],
        ],
      ],
    ]);
  });

  it("and, as its teacher learns them too, neutral texts, as much negative as positive", async () => {
    for (const name of ["sentiment", "teachers/sentiment"]) {
      const { examples } = await readDataFile(join(await made(name), "neutral.jsonl"));
      expect(examples.map(({ text }) => text)).toEqual(neutral);
      const half = [
        ["0", 0.5],
        ["1", 0.5],
      ];
      expect(examples.map(({ shares }) => shares)).toEqual([half, half]);
    }
  });
});

describe("a tweet of entities", () => {
  it("has a user name as one word, which is no entity, nor is what goes on with it", () => {
    const tweet = [
      ["hi", "O"],
      ["@", "B-PER"],
      ["ada", "B-PER"],
      ["@", "B-ORG"],
      ["bbc", "I-ORG"],
      ["news", "I-ORG"],
      ["Bob", "B-PER"],
      ["Bly", "I-PER"],
      ["@zog", "B-person"],
      ["@", "O"],
    ] as const;
    expect(wholeUserNames(tweet)).toEqual([
      ["hi", "O"],
      ["@ada", "O"],
      ["@bbc", "O"],
      ["news", "O"],
      ["Bob", "B-PER"],
      ["Bly", "I-PER"],
      ["@zog", "O"],
      ["@", "O"],
    ]);
  });

  it("keeps the sign that means at: a place stands behind it", () => {
    const tweet = [
      ["@", "O"],
      ["London", "B-LOC"],
    ] as const;
    expect(wholeUserNames(tweet)).toEqual(tweet);
  });

  it("may have an address made of other names instead of a user name or a link", () => {
    const names = [
      ["Ada", "B-PER"],
      ["Bly", "I-PER"],
      ["Acme", "B-ORG"],
    ] as const;
    const links = Array.from({ length: 13 }, () => ["http://t.co/x", "O"] as const);
    const words = withAddresses([names, links]).flatMap((sentence) =>
      sentence.map(([word]) => word),
    );
    expect(words.filter((word) => word !== "http://t.co/x")).toEqual([
      "Ada",
      "Bly",
      "Acme",
      "www.acme.com/ada-bly",
      "ada.bly@acme.org",
      "ada.bly@acme.co.uk",
    ]);
  });
});
