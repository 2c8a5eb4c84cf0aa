/** The whole app over real R2 and a real encoder whose runs are counted and can be held back. */
import { createExecutionContext } from "cloudflare:test";
import { expect } from "vitest";
import { createApp } from "../../src/app.ts";
import type { AppDeps } from "../../src/app.ts";
import { readConfig } from "../../src/http/settings/config.ts";
import { workerdEngine } from "../../src/engine/ort/workerd.ts";
import { r2Bucket, r2Files } from "../../src/serve/bucket/r2.ts";
import type { ModelStore } from "../../src/serve/model-store.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { createPublishedFiles } from "../../src/serve/published-files.ts";
import { createServing } from "../../src/serve/serving.ts";
import { clock, loadedBase, r2, sha256, startSha256 } from "./support.ts";

export interface TestApp {
  fetch(request: Request): Promise<Response>;
  /** POSTs JSON to a task's predict route. */
  predict(task: string, body: unknown, options?: PredictOptions): Promise<Response>;
  /** Runs of the encoder that have begun. */
  readonly runs: number;
  /** Lets that many runs begin; later ones wait until more are let through. At first, all may. */
  allowRuns(count: number): void;
  /** From now on this text's first token has an id beyond the word table, as a foreign tokenizer's may. */
  spoil(text: string): void;
  readonly logged: Record<string, unknown>[];
}

export interface PredictOptions {
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** An app with its own stores, so that no test sees what another loaded. */
export async function testApp(
  variables: Record<string, unknown> = {},
  models?: ModelStore,
  more: Partial<AppDeps> = {},
): Promise<TestApp> {
  // A version is live on the next request: what a push does to requests under way has its own tests.
  const live = { TASK_FRESH_MS: 0, TASK_MAX_LAG_MS: 0 };
  const config = readConfig({ BASE: "pocket", ...live, ...variables });
  const real = await loadedBase(config.base);
  const gate = { runs: 0, allowed: Infinity };
  const spoiled = new Set<string>();
  const { tokenizer } = real;
  const tokenize = (text: string) => {
    const pieces = tokenizer.tokenize(text);
    if (!spoiled.has(text)) return pieces;
    return { ...pieces, ids: pieces.ids.with(0, real.manifest.configuration.vocab_size) };
  };
  const encoder: LoadedBase["encoder"] = {
    ...real.encoder,
    async encode(rows, queries) {
      const turn = ++gate.runs;
      while (turn > gate.allowed) await clock.wait(1);
      return real.encoder.encode(rows, queries);
    },
  };
  const base = { ...real, encoder, tokenizer: { ...tokenizer, tokenize } };
  const loaded: ModelStore = {
    get: async () => base,
    ready: base,
    status: { state: "ready", detail: "" },
  };
  const host = { bucket: r2Bucket(r2), clock, sha256, startSha256, engine: workerdEngine };
  const serving = createServing(config, host, models ?? loaded);
  const { base: baseName, tasks } = config;
  const { trust } = serving;
  const served = { ...host, ...tasks, base: baseName, trust };
  const files = createPublishedFiles({ ...served, store: r2Files(r2) });
  const logged: Record<string, unknown>[] = [];
  const app = createApp({
    config,
    ...serving,
    files,
    ...clock,
    requestId: () => crypto.randomUUID(),
    log: (record) => logged.push(record),
    ...more,
  });
  logged.length = 0; // that there are no keys
  const fetch = async (request: Request): Promise<Response> =>
    app.fetch(request, undefined, createExecutionContext());
  return {
    fetch,
    predict: (task, body, { accept = "application/json", signal } = {}) =>
      fetch(predictRequest(task, body, accept, signal)),
    get runs() {
      return gate.runs;
    },
    allowRuns(count) {
      gate.allowed = count;
    },
    spoil: (text) => void spoiled.add(text),
    logged,
  };
}

export function predictRequest(
  task: string,
  body: unknown,
  accept = "application/json",
  signal?: AbortSignal,
): Request {
  return new Request(`https://worker/v1/tasks/${task}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

/** POSTs JSON to any route. */
export const postJson = (
  app: TestApp,
  path: string,
  body: unknown,
  accept = "application/json",
): Promise<Response> =>
  app.fetch(
    new Request(`https://worker${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify(body),
    }),
  );

/** Expects equal JSON values, but for numbers, which may lie `tolerance` apart. */
export function expectClose(found: unknown, expected: unknown, tolerance: number): void {
  const numbers: [number, number][] = [];
  const pair = (a: unknown, b: unknown): void => {
    if (typeof a === "number" && typeof b === "number") numbers.push([a, b]);
    else if (typeof a === "object" && a !== null && typeof b === "object" && b !== null) {
      const keys = Object.keys(a);
      expect(keys).toEqual(Object.keys(b));
      for (const key of keys) pair(Reflect.get(a, key), Reflect.get(b, key));
    } else expect(a).toEqual(b);
  };
  pair(found, expected);
  expect(numbers.length).toBeGreaterThan(0);
  for (const [a, b] of numbers) expect(Math.abs(a - b)).toBeLessThanOrEqual(tolerance);
}

/** Reads a streamed answer line by line, as a client that does not wait for the end. */
export function lineReader(response: Response): {
  next(): Promise<Record<string, unknown> | null>;
  cancel(): Promise<void>;
} {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  return {
    async next() {
      while (!buffer.includes("\n")) {
        const { done, value } = await reader.read();
        if (done) return null;
        buffer += value;
      }
      const end = buffer.indexOf("\n");
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 1);
      return JSON.parse(line) as Record<string, unknown>;
    },
    cancel: () => reader.cancel(),
  };
}

/** "status code" of a problem document, "200" of an answer. */
export async function verdictOf(response: Response): Promise<string> {
  const answer = (await response.json()) as { code?: string };
  return response.ok ? String(response.status) : `${response.status} ${answer.code}`;
}

/** All lines of an NDJSON answer. workerd warns of `.text()` on a type that does not begin with "text". */
export async function linesOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
