/** `batch run`, on this machine and by a server: interrupted, gone on with, and the files it writes. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { BatchAsk } from "../../../scripts/bulk/batch-run.ts";
import type { BatchClient, RemoteBatch, UploadState } from "../../../scripts/bulk/batch-client.ts";
import { runLocally } from "../../../scripts/bulk/local-run.ts";
import { runRemotely } from "../../../scripts/bulk/remote-run.ts";
import { InputError, NotFoundError, UnavailableError } from "../../../src/core/errors.ts";
import type { AnswerRows } from "../../../src/serve/bulk/answered.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("batch-run");
afterAll(() => folder.remove());

/** 3,000 rows of 140 bytes are four ranges; every hundredth is wrong. */
const TEXTS = Array.from({ length: 3_000 }, (_, i) => (i % 100 === 7 ? "bad" : "x".repeat(100)));

function askFor(name: string, texts: readonly string[] = TEXTS): BatchAsk {
  const input = join(folder.path, `${name}.jsonl`);
  const rows = texts.map((text, id) => JSON.stringify({ id: `row ${id}`, text }));
  writeFileSync(input, `${rows.join("\n")}\n`);
  const output = join(folder.path, `${name}.out.jsonl`);
  return { input, output, errors: `${output}.errors`, rows: { kind: "jsonl" }, parameters: {} };
}

const byLength: AnswerRows = async (_, rows) =>
  rows.map(({ asked }) => {
    const text = "input" in asked ? asked.input.text : "";
    return text === "bad"
      ? { error: new InputError("text-empty", "bad") }
      : { result: text.length };
  });

const idsIn = (path: string): number[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => Number((JSON.parse(line) as { id: string }).id.slice("row ".length)));

const local = (ask: BatchAsk, answer: AnswerRows, signal: AbortSignal, version = "v1") =>
  runLocally(ask, { task: "mood", version, answer, signal, tell: () => undefined });

describe("a batch on this machine", () => {
  it("goes on after an interrupt with what has no answer, and leaves only its output", async () => {
    const ask = askFor("interrupted");
    const stop = new AbortController();
    let asked = 0;
    const counting: AnswerRows = async (job, rows, signal) => {
      asked += rows.length;
      if (asked > 1_500) stop.abort();
      return byLength(job, rows, signal);
    };
    expect(await local(ask, counting, stop.signal)).toBeNull();
    const before = asked;
    const result = await local(ask, counting, new AbortController().signal);
    expect(result).toEqual({ status: "completed", completed: 2_970, failed: 30 });
    // One range at most is answered twice.
    expect(asked - before).toBeLessThan(3_000 - before + 1_000);
    const good = [...TEXTS.keys()].filter((i) => i % 100 !== 7);
    expect(idsIn(ask.output)).toEqual(good);
    expect(idsIn(ask.errors)).toEqual([...TEXTS.keys()].filter((i) => i % 100 === 7));
    expect(existsSync(`${ask.output}.parts`)).toBe(false);
  });

  it("refuses to go on with another version of the task", async () => {
    const ask = askFor("other-version");
    const aborted = AbortSignal.abort();
    expect(await local(ask, byLength, aborted)).toBeNull();
    const again = local(ask, byLength, new AbortController().signal, "v2");
    await expect(again).rejects.toMatchObject({ code: "batch-differs" });
  });
});

/** A server that ends a batch at the second look. */
function fakeServer(): { client: BatchClient; calls: string[] } {
  const calls: string[] = [];
  const batch: RemoteBatch = {
    id: "batch_1",
    status: "in_progress",
    endpoint: "/v1/tasks/mood/predict",
    created_at: 0,
    output_file_id: "file-out-1",
    error_file_id: null,
    errors: null,
    request_counts: { total: 1, completed: 1, failed: 0 },
    bytes: { total: 1, done: 1 },
  };
  const client: BatchClient = {
    send: async () => `file-${calls.push("send")}`,
    createBatch: async (body) => {
      calls.push(`create ${JSON.stringify(body)}`);
      return batch;
    },
    batch: async () => ({ ...batch, status: calls.push("look") > 3 ? "completed" : "in_progress" }),
    batches: async () => [batch],
    act: async () => batch,
    download: async (file, path) => writeFileSync(path, file),
  };
  return { client, calls };
}

describe("a batch of a server", () => {
  it("sends, begins, waits and writes, and is not begun twice after an interrupt", async () => {
    const ask = { ...askFor("remote", ["a"]), task: "mood" };
    const { client, calls } = fakeServer();
    const stop = new AbortController();
    const tell = (): void => stop.abort();
    const first = runRemotely(client, "http://a", ask, { signal: stop.signal, tell });
    await expect(first).rejects.toThrow("aborted");
    const { signal } = new AbortController();
    const how = { signal, tell: () => undefined };
    const result = await runRemotely(client, "http://a", ask, how);
    expect(result).toEqual({ status: "completed", completed: 1, failed: 0 });
    const created = 'create {"input_file_id":"file-1","task":"mood","parameters":{}}';
    expect(calls).toEqual(["send", created, "look", "look"]);
    expect(readFileSync(ask.output, "utf8")).toBe("file-out-1");
    expect(existsSync(`${ask.output}.batch.json`)).toBe(false);
  });

  it.each([
    new NotFoundError("upload-not-found", "upload: does not exist"),
    new InputError("upload-incomplete", "upload: the bucket refuses its parts"),
  ])("sends the file anew when an upload is lost: $code", async (lost) => {
    const ask = { ...askFor(lost.code, ["a"]), task: "mood" };
    const { client } = fakeServer();
    const begun: (string | undefined)[] = [];
    const how = { signal: new AbortController().signal, tell: () => undefined };
    const failing = async (state: UploadState, save: () => Promise<void>): Promise<string> => {
      begun.push(state.upload);
      state.upload ??= `upload_${begun.length}`;
      state.parts.push("part");
      await save();
      if (begun.length === 1) throw new UnavailableError("server-unreachable", "gone");
      if (begun.length === 2 || begun.length === 4) throw lost;
      return "file-1";
    };
    const lossy: BatchClient = {
      ...client,
      send: (_, ...rest) => failing(...rest),
      batch: async (id) => ({ ...(await client.batch(id)), status: "completed" }),
    };
    const run = () => runRemotely(lossy, "http://a", ask, how);
    await expect(run()).rejects.toMatchObject({ code: "server-unreachable" });
    expect(await run()).toMatchObject({ status: "completed" });
    expect(begun).toEqual([undefined, "upload_1", undefined]);
    // One that this run began itself is an error, and the next run begins another.
    await expect(run()).rejects.toBe(lost);
    await run();
    expect(begun.slice(3)).toEqual([undefined, undefined]);
  });
});
