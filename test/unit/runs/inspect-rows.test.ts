/** Doubtful training rows of a task: with their places in the files, in the run's result and report. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBase } from "../../../scripts/base/open-base.ts";
import { tokenizerOf } from "../../../src/encoder/loaded-base.ts";
import { inspectRows } from "../../../src/learn/task/inspect-rows.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import { readTaskSpec } from "../../../src/learn/task/spec.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { emptyPrefix } from "../../../src/core/model/prefix.ts";
import { pooledStates } from "../../../src/learn/measure/pooled-states.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";
import { diskSources } from "../../../scripts/runs/task/data-files.ts";

let native: LoadedBase;
let dir: string;
beforeAll(async () => {
  native = await openBase(await makeTinyBase({ dtype: "int8", seed: 1 }), "node");
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-inspect-"));
});
afterAll(() => native.encoder.release());

async function prepare(json: Record<string, unknown>): Promise<PreparedTask> {
  const spec = readTaskSpec(encodeUtf8(JSON.stringify(json)), "task.json");
  const base = await makeTinyBase({ dtype: "int8", seed: 1 });
  const options = diskSources({ folders: [dir], strict: true, note: () => {} });
  return prepareTask(spec, base.manifest, tokenizerOf(base), options);
}
const { signal } = new AbortController();

test("a text with two labels is found with the lines of both rows", async () => {
  const rows = ["the film was great,up", "the plot was dull,down", '"THE film was great",down'];
  await writeFile(join(dir, "train.csv"), `text,label\n${rows.join("\n")}\n`);
  await writeFile(join(dir, "eval.csv"), "text,label\nthe music was fine,up\n");
  const prepared = await prepare({ data: { train: ["train.csv"], eval: "eval.csv" } });
  expect(await inspectRows(native, prepared, { signal })).toEqual([
    {
      row: 2,
      text: "THE film was great",
      labels: ["down"],
      why: { kind: "text", other: 0, text: "the film was great", labels: ["up"] },
      place: "train.csv:4",
      otherPlace: "train.csv:2",
    },
  ]);
});

test("rows of several files are told apart", async () => {
  await writeFile(join(dir, "a.csv"), "text,label\nparis,up\nlondon,down\n");
  await writeFile(join(dir, "b.csv"), "text,label\nberlin,up\nparis,down\n");
  await writeFile(join(dir, "e.csv"), "text,label\nthe music was fine,up\n");
  const prepared = await prepare({ data: { train: ["a.csv", "b.csv"], eval: "e.csv" } });
  const [found] = await inspectRows(native, prepared, { signal });
  expect(found).toMatchObject({ place: "b.csv:3", otherPlace: "a.csv:2" });
});

test("features are one vector a text, whatever texts share its batch", async () => {
  const rows = ["the film", "the plot was awful"].map((text) => native.tokenizer.encode(text));
  const prefix = emptyPrefix(native.manifest.configuration);
  const options = { pooling: "mean", batchSize: 2 } as const;
  const together = await pooledStates(native, prefix, rows, options);
  const alone = await pooledStates(native, prefix, rows.slice(1), options);
  const { hidden } = together;
  expect(together.data).toHaveLength(2 * hidden);
  for (let h = 0; h < hidden; h++) {
    expect(together.data[hidden + h]).toBeCloseTo(alone.data[h]!, 5);
  }
});
