/** Biases of tags come from the evaluation rows, and no row is judged by biases that it had a say in. */
import { beforeAll, expect, test } from "vitest";
import { openBase } from "../../../../scripts/base/open-base.ts";
import { joinWords } from "../../../../src/learn/data/lines.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { fitTags } from "../../../../src/learn/measure/tag-biases.ts";
import type { FittedTags } from "../../../../src/learn/measure/tag-biases.ts";
import { openTask } from "../../../../src/core/format/task.ts";
import { sha256 } from "../../../../src/serve/sha256.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";
import { makeTinyTask } from "../../../support/tiny-task.ts";

/** Twenty times two texts, so that each half has enough words: the first tagged one way, the second another. */
const rows = (first: string, second: string): Example[] =>
  Array.from({ length: 40 }, (_, row) => ({
    ...joinWords(["the", "film", "was", "good"]),
    labels: ["O", row % 2 === 0 ? first : second, "O", "O"],
  }));

let fit: (examples: readonly Example[]) => Promise<FittedTags>;
beforeAll(async () => {
  const base = await makeTinyBase({ dtype: "fp32", seed: 1 });
  const made = await makeTinyTask(
    base.manifest,
    { task: "t", manifest: { type: "token" } },
    sha256,
  );
  const { manifest, version, prefixBytes } = made;
  const task = await openTask(manifest, version, prefixBytes, base.manifest, sha256);
  const loaded = await openBase(base, "node");
  fit = (examples) => fitTags(loaded, task, examples, { batchSize: 8 });
});

test("what the rows of one half say changes the scores of the other half only", async () => {
  const before = await fit(rows("O", "O"));
  const after = await fit(rows("B-PER", "O"));
  expect(after.logits[0]!.rows).toEqual(before.logits[0]!.rows);
  expect(after.logits[1]!.rows).not.toEqual(before.logits[1]!.rows);
});

test("rows of too few words to judge each other leave the biases alone", async () => {
  // 32 words in one half, 28 in the other.
  const few = rows("B-PER", "B-PER").slice(0, 15);
  const { biases, logits } = await fit(few);
  expect([...biases()]).toEqual([0, 0, 0]);
  expect(logits[0]).toEqual(logits[1]);
});

test("evaluation rows of other labels leave the biases alone", async () => {
  const others = rows("B-ELSE", "B-ELSE").map((row) => ({
    ...row,
    labels: row.labels.map(() => "B-ELSE"),
  }));
  expect([...(await fit(others)).biases()]).toEqual([0, 0, 0]);
});

test("the biases of the task are those of all rows", async () => {
  const [none, half, all] = await Promise.all(
    [rows("O", "O"), rows("B-PER", "O"), rows("B-PER", "B-PER")].map(fit),
  );
  expect(half!.biases()[1]).toBeGreaterThan(none!.biases()[1]!);
  expect(all!.biases()[1]).toBeGreaterThan(half!.biases()[1]!);
});
