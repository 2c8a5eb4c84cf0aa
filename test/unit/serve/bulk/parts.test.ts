/** What a job keeps of rows that several attempts have answered, each in its own way. */
import { describe, expect, it } from "vitest";
import {
  cancelKey,
  dataKey,
  errorFileId,
  outputFileId,
  planKey,
} from "../../../../src/serve/bulk/keys.ts";
import { finishJob } from "../../../../src/serve/bulk/finish.ts";
import { toJson } from "../../../../src/serve/bulk/job.ts";
import { startPart, writePart } from "../../../../src/serve/bulk/parts.ts";
import type { OpenPart } from "../../../../src/serve/bulk/parts.ts";
import { LINES } from "../../../../src/serve/bulk/records.ts";
import { statusOf } from "../../../../src/serve/bulk/status.ts";
import { BATCH, bulkOf, putJob } from "../../../support/bulk-queue.ts";
import type { Bulk } from "../../../support/bulk-queue.ts";

const partOf = (end: number, lines: Partial<OpenPart>): OpenPart => ({
  ...startPart(lines.start ?? 0, 1),
  ...lines,
  end,
});

const planned = async (bulk: Bulk, bytes: number) => {
  const job = await putJob(bulk, "x".repeat(bytes));
  const plan = { at: 0, rows: 2, ranges: 1, start: 0, line: 1, columns: null, problem: null };
  await bulk.store.create(planKey(BATCH), toJson({ ...plan, format: LINES }));
  return job;
};

/** Runs `work` until it writes such a key; then nothing of it runs any more. */
async function untilWriting(bulk: Bulk, key: RegExp, work: () => Promise<unknown>): Promise<void> {
  const { create } = bulk.store;
  await new Promise<void>((resolve) => {
    bulk.store.create = async (...args) => {
      if (!key.test(args[0])) return create(...args);
      resolve();
      return bulk.die();
    };
    void work();
  });
  bulk.store.create = create;
}

const never = async (): Promise<never> => Promise.reject(new Error("is not asked"));

describe("two attempts at the same bytes that fail at different rows", () => {
  it("end in the errors of the attempt that wrote the part", async () => {
    const bulk = bulkOf(never);
    const job = await planned(bulk, 20);
    const first = partOf(20, { output: ["1"], errors: ["2 failed"] });
    await untilWriting(bulk, /\/parts\//, async () => writePart(bulk.store, BATCH, first));
    await writePart(bulk.store, BATCH, partOf(20, { errors: ["1 given up", "2 given up"] }));
    await finishJob({ store: bulk.store, now: () => 0 }, job);
    expect(bulk.store.text(dataKey(errorFileId(BATCH)))).toBe("1 given up\n2 given up\n");
  });
});

describe("a cancelled job, of which a part is written while it is joined", () => {
  it("counts the rows that its files hold", async () => {
    const bulk = bulkOf(never);
    const job = await planned(bulk, 20);
    await writePart(bulk.store, BATCH, partOf(10, { output: ["1"] }));
    await bulk.store.create(cancelKey(BATCH), toJson({ at: 0 }));
    const ending = { store: bulk.store, now: () => 0 };
    await untilWriting(bulk, /done\.json$/, async () => finishJob(ending, job));
    await writePart(bulk.store, BATCH, partOf(20, { start: 10, output: ["2"] }));
    await finishJob(ending, job);
    const { completed, done } = await statusOf(bulk.store, job, 0);
    const output = bulk.store.text(dataKey(outputFileId(BATCH)));
    expect([output, completed, done?.output_bytes]).toEqual(["1\n", 1, 2]);
  });
});
