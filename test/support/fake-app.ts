/**
 * The app over a predictor that computes nothing: for what is HTTP's alone (negotiation, limits,
 * problems, headers). Texts that begin with "!" make it fail in a named way.
 */
import { createApp } from "../../src/app.ts";
import type { AppDeps } from "../../src/app.ts";
import { readConfig } from "../../src/http/settings/config.ts";
import {
  FormatError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "../../src/core/errors.ts";
import { readBaseManifest, readTaskManifest } from "../../src/core/format/manifest.ts";
import { createAdmission } from "../../src/serve/queue/admission.ts";
import { createArrivals } from "../../src/serve/queue/arrivals.ts";
import type { ModelStore } from "../../src/serve/model-store.ts";
import type { Opened, Outcome, TextInput } from "../../src/serve/predictor.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import { baseJson, sha256, taskJson, toBytes } from "./manifests.ts";

/** What a text or a task's name asks the predictor to throw. */
export const FAILURES: Readonly<Record<string, () => Error>> = {
  "!window-limit": () => new LimitError("too-many-windows", "text: needs 99 windows"),
  "!overloaded": () => new OverloadedError("overloaded", "queue: is full"),
  "!deadline": () => new OverloadedError("deadline-exceeded", "request: took too long"),
  "!bug": () => new TypeError("secret detail of the implementation"),
  unknown: () => new NotFoundError("task-not-found", 'task "unknown": does not exist'),
  foreign: () => new MismatchError("prefix-base-mismatch", "task: was trained for another base"),
  corrupt: () => new UnavailableError("task-corrupt", "task: cannot be read"),
  unreachable: () => new UnavailableError("bucket-unavailable", "bucket: cannot be read now"),
  malformed: () => new FormatError("pointer-invalid", "pointer: is malformed"),
};

export interface FakeApp {
  request(path: string, init?: RequestInit): Promise<Response>;
  /** POSTs JSON to a task's predict route. */
  predict(
    body: unknown,
    options?: { task?: string; headers?: Record<string, string> },
  ): Promise<Response>;
  /** What was logged before the first request. */
  readonly loggedAtStart: readonly Record<string, unknown>[];
  readonly logged: Record<string, unknown>[];
  /** What it is made of, for another app over the same parts. */
  readonly deps: AppDeps;
  /** Texts that reached the predictor. */
  readonly seen: TextInput[];
}

const MANIFEST = await readBaseManifest(toBytes(baseJson()), sha256);

/** Tasks that are no classifiers of the labels alone. */
const KINDS: Readonly<Record<string, object>> = {
  entities: { type: "token", pooling: "none" },
  choosy: { other: { label: "neither", similarity: 0.5, spread: 0.1 } },
};

export function fakeApp(
  variables: Record<string, unknown> = {},
  { isReady = true, ...more }: { isReady?: boolean } & Partial<AppDeps> = {},
): FakeApp {
  const logged: Record<string, unknown>[] = [];
  const seen: TextInput[] = [];
  const base = {
    manifest: MANIFEST,
    encoder: { memoryBytes: () => 0, loadedFrom: "graph" },
  } as unknown as Opened["base"];
  const models: ModelStore = {
    get: async () => base,
    ready: isReady ? base : null,
    status: isReady
      ? { state: "ready", detail: "tiny" }
      : { state: "loading", detail: "reading model.onnx" },
  };
  const taskNamed = (name: string): Opened => {
    if (Object.hasOwn(FAILURES, name)) throw FAILURES[name]!();
    const manifest = readTaskManifest(toBytes(taskJson({ task: name, ...KINDS[name] })));
    const task = { manifest, version: "0123456789ab" } as Opened["task"];
    return { base, task, isStale: name === "stale" };
  };
  const labelled = ({ text }: TextInput) => [{ label: text, score: 1 }];
  async function* answerAll<T>(
    inputs: readonly TextInput[],
    answer: (input: TextInput) => T,
  ): AsyncGenerator<Outcome<T>> {
    for (const [index, input] of inputs.entries()) {
      seen.push(input);
      const failure = Object.hasOwn(FAILURES, input.text) && FAILURES[input.text]!();
      if (failure instanceof LimitError) yield { index, error: failure };
      else if (failure) throw failure;
      else yield { index, result: answer(input), isTruncated: false, tokens: input.text.length };
    }
  }
  const config = readConfig({ BASE: "tiny", ...variables });
  const clock = { now: () => 0, wait: () => Promise.resolve() };
  const admission = createAdmission({
    ...config.admission,
    ...config.predictor,
    heapBytes: () => 0,
  });
  const scheduler = createScheduler({ clock, ...config.scheduler, admission });
  const deps: AppDeps = {
    config,
    models,
    admission,
    scheduler,
    arrivals: createArrivals({ clock, scheduler, admission, ...config.predictor }),
    tasks: {
      get: async (name) => taskNamed(name),
      readAhead: () => Promise.resolve(),
      describe: async (name) => {
        const { task, isStale } = taskNamed(name);
        return { manifest: task.manifest, version: task.version, canary: null, isStale };
      },
      list: async () => ["sentiment", "entities", "corrupt"],
      cached: { versions: 0, bytes: 0 },
    },
    predictor: {
      open: async (name) => taskNamed(name),
      predict: (_, inputs) => answerAll(inputs, labelled),
      async *predictMany(_, asks, { usage }) {
        const inputs = asks.map(({ input }) => input);
        if (usage) usage.truncated = asks.filter(({ parameters }) => parameters.truncation).length;
        for await (const outcome of answerAll(inputs, labelled)) {
          const { index } = outcome;
          if (inputs[index]!.text === "long") yield { index, progress: { done: 1, total: 2 } };
          yield outcome;
        }
      },
      embed: (_, texts) =>
        answerAll(
          texts.map((text) => ({ text })),
          () => Float32Array.of(0.1, 1),
        ),
    },
    files: {
      index: async () => ({ base: "tiny", tasks: ["sentiment"] }),
      basePointer: async () => ({ bytes: toBytes({ base: "tiny" }), etag: "a" }),
      taskPointer: async (task) => ({ bytes: toBytes({ task }), etag: "b" }),
      isPublished: async () => true,
      store: {
        head: async () => ({ bytes: 3, etag: "c" }),
        open: async () => ({ bytes: 3, etag: "c", body: new Blob(["abc"]).stream() }),
      },
    },
    now: () => 0,
    // Turns pass at once; what is to happen after a while never does.
    wait: (ms) => (ms === 0 ? Promise.resolve() : new Promise(() => {})),
    requestId: () => "generated-id",
    log: (record) => logged.push(record),
    ...more,
  };
  const app = createApp(deps);
  const loggedAtStart = logged.splice(0);
  const request = async (path: string, init?: RequestInit): Promise<Response> =>
    app.request(path, init);
  return {
    request,
    predict: (body, { task = "sentiment", headers = {} } = {}) =>
      request(`/v1/tasks/${task}/predict`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    loggedAtStart,
    logged,
    deps,
    seen,
  };
}
