/** Whole jobs over a hostile queue: every row once and in order, whatever is killed, repeated or wrong. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { InputError, UnavailableError } from "../../../../src/core/errors.ts";
import type { AnswerRows } from "../../../../src/serve/bulk/answered.ts";
import {
  cancelKey,
  dataKey,
  deadPrefix,
  doneKey,
  errorFileId,
  outputFileId,
  partsPrefix,
  planKey,
} from "../../../../src/serve/bulk/keys.ts";
import { toJson } from "../../../../src/serve/bulk/job.ts";
import type { Message } from "../../../../src/serve/bulk/messages.ts";
import { resumeJobs } from "../../../../src/serve/bulk/resume.ts";
import type { Row } from "../../../../src/serve/bulk/rows.ts";
import { statusOf } from "../../../../src/serve/bulk/status.ts";
import { BATCH, bulkOf, putJob } from "../../../support/bulk-queue.ts";
import type { Bulk } from "../../../support/bulk-queue.ts";

const textOf = ({ asked }: Row): string => ("input" in asked ? asked.input.text : "");

/** Answers a text by its length; "bad" texts fail by themselves. */
const byLength: AnswerRows = async (_, rows) =>
  rows.map((row) =>
    textOf(row).startsWith("bad")
      ? { error: new InputError("text-empty", "text: is bad") }
      : { result: textOf(row).length },
  );

const fileOf = (texts: readonly string[]): string =>
  texts.map((text, id) => `${JSON.stringify({ id, text })}\n`).join("");

const linesOf = ({ store }: Bulk, id: string): Record<string, unknown>[] => {
  const found = store.objects.get(dataKey(id));
  const lines = found ? new TextDecoder().decode(found.bytes).trimEnd().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};
const outputOf = (bulk: Bulk) => linesOf(bulk, outputFileId(BATCH));
const errorsOf = (bulk: Bulk) => linesOf(bulk, errorFileId(BATCH));

async function expectWhole(bulk: Bulk, texts: readonly string[]): Promise<void> {
  const rows = texts.map((text, id) => ({ id, text }));
  const good = rows.filter(({ text }) => !text.startsWith("bad"));
  expect(outputOf(bulk)).toEqual(good.map(({ id, text }) => ({ id, result: text.length })));
  const bad = rows.filter(({ text }) => text.startsWith("bad"));
  expect(errorsOf(bulk).map(({ id }) => id)).toEqual(bad.map(({ id }) => id));
}

const job = { id: BATCH, expires_at: Infinity, bytes: 0 } as Parameters<typeof statusOf>[1];
const stateOf = async (bulk: Bulk): Promise<string> => (await statusOf(bulk.store, job, 0)).state;

/** Enough rows for several ranges: 131,072 bytes are about 900 of them. */
const MANY = Array.from(
  { length: 4_000 },
  (_, i) => `${i % 97 === 5 ? "bad " : ""}text ${"x".repeat(i % 211)}`,
);

describe("a job of which nothing is heard", () => {
  it("is sent on its way again after a while, by one list of its parts; one that has ended is not", async () => {
    const bulk = bulkOf(byLength);
    await putJob(bulk, fileOf(["a"]));
    const sent: Message[] = [];
    const sender = { send: async (some: readonly Message[]) => void sent.push(...some) };
    const resumeAt = (s: number) =>
      resumeJobs({ store: bulk.store, sender, now: () => bulk.time / 1000 + s }, 60);
    expect(await resumeAt(30)).toEqual([]);
    expect(await resumeAt(90)).toEqual([BATCH]);
    expect(sent).toEqual([{ kind: "plan", batch: BATCH }]);
    await bulk.store.create(planKey(BATCH), toJson({ at: bulk.time / 1000 + 80 }));
    const listed: string[] = [];
    bulk.store.before = (operation, key) => void (operation === "list" && listed.push(key));
    expect(await resumeAt(90)).toEqual([]);
    expect(listed.filter((key) => key === partsPrefix(BATCH))).toHaveLength(1);
    await bulk.store.create(doneKey(BATCH), toJson({}));
    expect(await resumeAt(1_000)).toEqual([]);
  });
});

describe("a job", () => {
  it("answers every row once and in order", async () => {
    const bulk = bulkOf(byLength);
    await putJob(bulk, fileOf(MANY));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    expect(await stateOf(bulk)).toBe("completed");
    await expectWhole(bulk, MANY);
  });

  it("does so when consumers die anywhere, and messages come twice and in any order", () =>
    fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(1_000)), async (stream) => {
        const draw = (count: number): number => stream.next().value! % count;
        const bulk = bulkOf(byLength);
        await putJob(bulk, fileOf(MANY));
        // Consumers end at one operation of the store in twenty, and after a write that happened.
        const { create } = bulk.store;
        bulk.store.before = async () => {
          if (draw(20) === 0) await bulk.die();
        };
        bulk.store.create = async (...args) => {
          const isNew = await create(...args);
          if (draw(20) === 0) await bulk.die();
          return isNew;
        };
        bulk.send({ kind: "plan", batch: BATCH });
        await bulk.drain({ pick: draw, again: () => draw(5) === 0 });
        Object.assign(bulk.store, { before: () => undefined, create });
        // A job whose plan was written, and of which nothing was heard since, is sent again.
        const sender = { send: async (some: readonly Message[]) => bulk.send(...some) };
        await resumeJobs({ store: bulk.store, sender, now: () => bulk.time / 1000 + 90 }, 60);
        await bulk.drain();
        // By chance, all attempts to read the file may have died: then the job says that it failed.
        const { state, plan } = await statusOf(bulk.store, job, 0);
        if (plan?.problem) {
          expect([state, plan.problem.code]).toEqual(["failed", "plan-failed"]);
          expect(bulk.dead).toEqual([{ kind: "plan", batch: BATCH }]);
          return;
        }
        // By chance, all attempts of a range may have died: then its first row is given up.
        if (bulk.dead.length === 0) await expectWhole(bulk, MANY);
        const ids = [...outputOf(bulk), ...errorsOf(bulk)].map(({ id }) => Number(id));
        expect(new Set(ids).size).toBe(MANY.length);
        expect(ids).toHaveLength(MANY.length);
      }),
      { numRuns: 15 },
    ));

  it("goes on from its parts when all messages were lost", async () => {
    const bulk = bulkOf(byLength);
    await putJob(bulk, fileOf(MANY));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    const done = [...bulk.store.objects.keys()].filter((key) =>
      /done|data\/file-|files\//.test(key),
    );
    const [first, second] = [...bulk.store.objects.keys()].filter((key) =>
      key.startsWith(partsPrefix(BATCH)),
    );
    for (const key of [...done, first!, second!]) {
      if (key !== "bulk/data/file-1") bulk.store.objects.delete(key);
    }
    bulk.logged.length = 0;
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    expect(bulk.logged.filter(({ event }) => event === "bulk-range")).toHaveLength(2);
    await expectWhole(bulk, MANY);
  });

  it("lets a row that kills every consumer cost its own error", async () => {
    const texts = MANY.with(1_500, "kill").with(3_000, "kill");
    const bulk = bulkOf(async (job, rows, signal) => {
      if (rows.some((row) => textOf(row) === "kill")) await bulk.die();
      return byLength(job, rows, signal);
    });
    await putJob(bulk, fileOf(texts));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    expect(await stateOf(bulk)).toBe("completed");
    const given = errorsOf(bulk).filter((line) => JSON.stringify(line).includes("row-given-up"));
    expect(given.map(({ id }) => id)).toEqual([1_500, 3_000]);
    expect(outputOf(bulk).length + errorsOf(bulk).length).toBe(texts.length);
    const letters = [...bulk.store.objects.keys()].filter((key) =>
      key.startsWith(deadPrefix(BATCH)),
    );
    expect(letters).toHaveLength(2);
  });

  it("finds the row that makes a call fail, and answers its neighbours", async () => {
    const texts = MANY.with(700, "bug");
    const bulk = bulkOf(async (job, rows, signal) => {
      if (rows.some((row) => textOf(row) === "bug")) throw new TypeError("a bug of ours");
      return byLength(job, rows, signal);
    });
    await putJob(bulk, fileOf(texts));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    const error = errorsOf(bulk).find(({ id }) => id === 700);
    expect(error).toMatchObject({ line: 701, error: { code: "row-failed" } });
    expect(outputOf(bulk).length + errorsOf(bulk).length).toBe(texts.length);
  });

  it("waits for a base that is not there, and gives up the rows only in the end", async () => {
    let failures = 20;
    const bulk = bulkOf(async (job, rows, signal) => {
      if (failures-- > 0) throw new UnavailableError("base-not-ready", "base: loads");
      return byLength(job, rows, signal);
    });
    await putJob(bulk, fileOf(MANY));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    await expectWhole(bulk, MANY);
    expect(bulk.dead).toEqual([]);
  });

  it("joins what there is when it is cancelled", async () => {
    const bulk = bulkOf(async (job, rows, signal) => {
      await bulk.store.create(cancelKey(BATCH), toJson({ at: 1 }));
      return byLength(job, rows, signal);
    });
    await putJob(bulk, fileOf(MANY));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    expect(await stateOf(bulk)).toBe("cancelled");
    const count = outputOf(bulk).length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(MANY.length);
  });

  it("leaves the rest to another message when its time is over", async () => {
    const bulk = bulkOf(async (job, rows, signal) => {
      bulk.time += 30_000;
      return byLength(job, rows, signal);
    });
    await putJob(bulk, fileOf(MANY));
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    await expectWhole(bulk, MANY);
    expect(
      [...bulk.store.objects.keys()].filter((key) => key.includes("/parts/")).length,
    ).toBeGreaterThan(10);
  });

  it.each([
    ["an empty file", "", "file-empty"],
    ["blank lines", "\n \r\n\n", "file-empty"],
  ])("fails with the reason for %s", async (_, file, code) => {
    const bulk = bulkOf(byLength);
    await putJob(bulk, file);
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    const { state, plan } = await statusOf(bulk.store, job, 0);
    expect([state, plan?.problem?.code]).toEqual(["failed", code]);
  });
});

describe("the forms of rows", () => {
  const run = async (file: string, more: Parameters<typeof putJob>[2]): Promise<Bulk> => {
    const bulk = bulkOf(async (job, rows, signal) =>
      job.rows.kind === "requests"
        ? rows.map((row) => ({
            status: 200,
            requestId: "r",
            body: "body" in row.asked ? row.asked.body : 0,
          }))
        : byLength(job, rows, signal),
    );
    await putJob(bulk, file, more);
    bulk.send({ kind: "plan", batch: BATCH });
    await bulk.drain();
    return bulk;
  };

  it("reads csv by the names of its columns", async () => {
    const file = '\ufeffid;text;other\nu1;"two\nlines";x\nu2;short\nu3;"a ""quoted"" word";y\n';
    const rows = { kind: "csv", column: "text", id: "id" } as const;
    const bulk = await run(file, { rows });
    expect(outputOf(bulk)).toEqual([
      { id: "u1", result: 9 },
      { id: "u2", result: 5 },
      { id: "u3", result: 15 },
    ]);
  });

  it("names the columns of a csv that has not the one it needs", async () => {
    const bulk = await run("a,b\n1,2\n", { rows: { kind: "csv", column: "text" } });
    const { plan } = await statusOf(bulk.store, job, 0);
    expect(plan?.problem?.message).toBe('the header has no column "text"; it has "a", "b"');
  });

  it("reads text, pairs and inputs, and names a row by its line", async () => {
    const file = ['{"text":"a"}', '{"inputs":"bb"}', '{"id":"x","inputs":["ccc","d"]}', "[1]", "{"];
    const bulk = await run(file.join("\n"), {});
    expect(outputOf(bulk)).toEqual([
      { id: 1, result: 1 },
      { id: 2, result: 2 },
      { id: "x", result: 3 },
    ]);
    expect(errorsOf(bulk)).toMatchObject([
      { id: 4, error: { code: "line-invalid", detail: "line 4: is no JSON object" } },
      { id: 5, error: { code: "line-invalid", detail: "line 5: is not valid JSON" } },
    ]);
  });

  it("reads OpenAI's lines, and answers in OpenAI's", async () => {
    const url = "/v1/embeddings";
    const good = { custom_id: "a", method: "POST", url, body: { input: "x" } };
    const file = [good, { ...good, custom_id: "b", url: "/v1/other" }, { ...good, method: "GET" }];
    const bulk = await run(file.map((line) => JSON.stringify(line)).join("\n"), {
      rows: { kind: "requests" },
      endpoint: url,
    });
    expect(outputOf(bulk)).toEqual([
      {
        id: expect.stringMatching(/^batch_req_/) as string,
        custom_id: "a",
        response: { status_code: 200, request_id: "r", body: { input: "x" } },
        error: null,
      },
    ]);
    expect(errorsOf(bulk)).toMatchObject([
      { custom_id: "b", response: null, error: { code: "line-invalid", line: 2 } },
      { custom_id: "a", response: null, error: { code: "line-invalid", line: 3 } },
    ]);
  });

  it("refuses more lines in OpenAI's form than OpenAI does", async () => {
    const bulk = await run("{}\n".repeat(50_001), { rows: { kind: "requests" } });
    const { plan } = await statusOf(bulk.store, job, 0);
    expect(plan?.problem?.code).toBe("too-many-lines");
  });
});
