/**
 * Entities are measured as the endpoint answers them, on a whole task: words of the data that are
 * several words or pieces of the tokenizer included. The answers are read by the request path.
 */
import { beforeAll, expect, test } from "vitest";
import { openBase } from "../../../../scripts/base/open-base.ts";
import { openTask } from "../../../../src/core/format/task.ts";
import type { Task } from "../../../../src/core/format/task.ts";
import { statesOfRow } from "../../../../src/core/model/rows.ts";
import { atOnce } from "../../../../src/core/turns.ts";
import type { LoadedBase } from "../../../../src/engine/engine.ts";
import { joinWords } from "../../../../src/learn/data/lines.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { byWords } from "../../../../src/learn/measure/decisions.ts";
import { assess, evaluationLogits } from "../../../../src/learn/measure/evaluate.ts";
import { readForTask } from "../../../../src/serve/reading.ts";
import { sha256 } from "../../../../src/serve/sha256.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";
import { makeTinyTask } from "../../../support/tiny-task.ts";

const SENTENCES = [
  ["the", "u.s.", "film"],
  ["good-bad", "was", "the"],
  ["film", "a.b.c", "good", "unbelievable"],
  ["the", "(film)", "was", "don't"],
];
let base: LoadedBase;
let plain: Task;
beforeAll(async () => {
  const made = await makeTinyBase({ dtype: "fp32", seed: 1 });
  const options = { task: "t", seed: 6, manifest: { type: "token" as const } };
  const { manifest, version, prefixBytes } = await makeTinyTask(made.manifest, options, sha256);
  plain = await openTask(manifest, version, prefixBytes, made.manifest, sha256);
  base = await openBase(made, "node");
});

/** What the endpoint answers with its default parameters: type, start and end. */
async function served(task: Task, text: string): Promise<string[]> {
  const reading = readForTask(base, task, { text }, {}, 100);
  const states = await base.encoder.encode(reading.rows, reading.queries);
  const rows = reading.rows.map(({ ids }, row) =>
    reading.reduce(row, statesOfRow(states, row, ids.length)),
  );
  return atOnce(reading.finish(rows)).map((answer) =>
    "entity_group" in answer
      ? `${answer.entity_group} ${answer.start} ${answer.end}`
      : expect.unreachable("no group"),
  );
}

test("counted by words, a plain head is right where the first piece of every word is", async () => {
  const { labels } = plain.manifest;
  const asked = SENTENCES.map(joinWords).map((row) => ({
    ...row,
    labels: row.words.map(() => "O"),
  }));
  const logits = await evaluationLogits(base, plain, asked, { batchSize: 2 });
  const examples = asked.map((example, i) => ({
    ...example,
    labels: logits[i]!.rows.map((row) => labels[row!.indexOf(Math.max(...row!))]!),
  }));
  const judged = await evaluationLogits(base, plain, examples, { batchSize: 2 });
  expect(assess(plain.manifest, examples, byWords(judged)).score.value).toBe(1);
  // The endpoint's entities of the same head break words.
  expect(assess(plain.manifest, examples, judged).score.value).toBeLessThan(1);
});

test.each(["plain", "chosen together"])("tags that are %s", async (kind) => {
  const transitions = { between: new Float32Array(9), start: new Float32Array(3) };
  const task = kind === "plain" ? plain : { ...plain, head: { ...plain.head, transitions } };
  const examples: Example[] = [];
  let [correct, all, within] = [0, 0, 0];
  for (const list of SENTENCES) {
    const { text, words } = joinWords(list);
    const says = await served(task, text);
    // A word in which an answered entity begins is true, as a whole.
    const isTrue = words.map(({ start }) =>
      says.some((entity) => entity.split(" ")[1] === `${start}`),
    );
    examples.push({ text, words, labels: isTrue.map((is) => (is ? "B-PER" : "O")) });
    const truth = words.flatMap(({ start, end }, i) => (isTrue[i] ? [`PER ${start} ${end}`] : []));
    correct += truth.filter((entity) => says.includes(entity)).length;
    all += truth.length + says.length;
    const edges = new Set(words.flatMap(({ start, end }) => [start, end]));
    const isWithin = (entity: string): boolean =>
      !entity
        .split(" ")
        .slice(1)
        .every((at) => edges.has(Number(at)));
    within += says.filter(isWithin).length;
  }
  const logits = await evaluationLogits(base, task, examples, { batchSize: 2 });
  expect([correct, within].every((count) => count > 0)).toBe(true);
  expect(assess(task.manifest, examples, logits).score.value).toBeCloseTo((2 * correct) / all, 12);
});
