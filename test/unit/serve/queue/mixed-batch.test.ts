/**
 * The bundled base, which is quantized, with the bundled tasks in one batch: rows with other
 * prefixes, heads and lengths beside them must not change an answer. The bars are on directions and
 * labels, since a quantized row may round otherwise in another batch.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { openTaskFolder } from "../../../../scripts/task/task-folder.ts";
import { openBaseFolder } from "../../../../scripts/base/open-base.ts";
import { rowOf } from "../../../../src/core/model/answer.ts";
import { statesOfRow } from "../../../../src/core/model/rows.ts";
import type { Task } from "../../../../src/core/format/task.ts";
import { splitWindows } from "../../../../src/core/model/windows.ts";
import type { LoadedBase } from "../../../../src/engine/engine.ts";
import type { Answer, Ask } from "../../../../src/serve/predictor.ts";
import { createScheduler } from "../../../../src/serve/queue/scheduler.ts";
import { barePredictor } from "../../../support/bare-predictor.ts";

const PROJECT = join(import.meta.dirname, "..", "..", "..", "..");
const TEXTS = [
  "a gripping, beautifully acted film",
  "Angela Merkel visited Paris in June 2014 with a delegation from Siemens AG.",
  "not worth your time",
  "just landed in new york, see you all at the Google office",
];
const LEAST_COSINE = 0.999;

let base: LoadedBase;
let tasks: Task[];

beforeAll(async () => {
  base = await openBaseFolder(join(PROJECT, "models", "pocket"), "web");
  const folders = readdirSync(join(PROJECT, "prefixes"))
    .map((name) => join(PROJECT, "prefixes", name))
    .filter((dir) => existsSync(join(dir, "manifest.json")));
  tasks = await Promise.all(folders.map((dir) => openTaskFolder(dir, base.manifest)));
}, 60_000);

/** Every task on every text; rows of one text are equally long, so that they share a run. */
const pairs = () => TEXTS.flatMap((text) => tasks.map((task) => ({ task, text })));

describe("the bundled tasks in one batch", () => {
  test("differ in their prefixes, or this would show nothing", () => {
    expect(new Set(tasks.map(({ prefix }) => prefix.numVirtualTokens)).size).toBeGreaterThan(1);
    expect(new Set(tasks.map(({ manifest }) => manifest.type)).size).toBeGreaterThan(1);
  });

  test("have the hidden states that they have alone", async () => {
    const rows = pairs().map(({ task, text }) => {
      const options = { maxLength: 64, truncation: false };
      return rowOf(splitWindows(base.tokenizer, text, undefined, options).windows[0]!, task);
    });
    /** Hidden states [t][H] of each row's own tokens. */
    const statesOf = async (batch: typeof rows) => {
      const states = await base.encoder.encode(batch, "all");
      const width = base.manifest.configuration.hidden_size;
      return batch.map(({ ids }, b) => {
        const own = statesOfRow(states, b, ids.length);
        return Array.from(ids, (_, t) => own.subarray(t * width, (t + 1) * width));
      });
    };
    const together = await statesOf(rows);
    for (const [r, row] of rows.entries()) {
      const [alone] = await statesOf([row]);
      const cosines = alone!.map((token, t) => cosine(token, together[r]![t]!));
      const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
      expect(mean).toBeGreaterThanOrEqual(LEAST_COSINE);
    }
  });

  test("give the labels and entities that they give alone", async () => {
    const clock = { now: () => performance.now(), wait: () => setImmediate() };
    const scheduler = createScheduler({ clock, maxBatchTokens: 1024, maxQueuedTokens: 100_000 });
    const predictor = barePredictor({ scheduler, clock, maxWindows: 8 });
    const answersOf = async (asks: readonly Ask[]): Promise<Answer[]> => {
      const answers: Answer[] = [];
      const { signal } = new AbortController();
      for await (const item of predictor.predictMany(base, asks, { signal })) {
        if ("result" in item) answers.push(item.result);
      }
      return answers;
    };
    const asks = pairs().map(({ task, text }) => ({ task, input: { text }, parameters: {} }));
    const together = await answersOf(asks);
    const runs = scheduler.runs;
    for (const [i, ask] of asks.entries()) {
      const [alone] = await answersOf([ask]);
      expect(named(together[i]!)).toEqual(named(alone!));
    }
    // The tasks of a text were in one run.
    expect(runs).toBeLessThanOrEqual(TEXTS.length);
  });
});

/** An answer without its scores. */
const named = (answer: Answer): object[] => answer.map((item) => ({ ...item, score: null }));

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
