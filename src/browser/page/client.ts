/** The Worker's routes as the page uses them: JSON in, JSON out, problems as errors. */
import type { TaskDescription as Summary, TaskDetails } from "../../http/schemas/schema.ts";
import type { Problem } from "../../http/answers/problem.ts";
import type { Ask, PredictCall } from "./request.ts";

/** A task as the list has it; examples and thresholds are known once it was asked for by itself. */
export type TaskDescription = Summary & Partial<TaskDetails>;

/** A task that is listed and cannot be used, with the reason. */
export interface BrokenTask {
  readonly task: string;
  readonly error: { readonly code: string; readonly detail: string };
}

export type ListedTask = TaskDescription | BrokenTask;

export const isBroken = (task: ListedTask): task is BrokenTask => "error" in task;

/** What the server said instead of an answer. `code` is "network" where nothing was heard of it. */
export class ServerError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryAfterS: number | null;
  readonly requestId: string | null;

  constructor(problem: Partial<Problem>, status: number, retryAfterS: number | null = null) {
    super(problem.detail ?? `the server answered ${status}`);
    this.name = "ServerError";
    this.code = problem.code ?? `http-${status}`;
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.requestId = problem.request_id ?? null;
  }
}

/** The answer to one task's question, whatever computed it. */
export interface TaskAnswer {
  readonly task: string;
  readonly version: string | null;
  readonly isStale: boolean;
  readonly outcome:
    { readonly result: unknown } | { readonly error: Pick<Problem, "code" | "detail"> };
}

/** Answers in the order of the tasks, and where the time went. */
export interface Answered {
  readonly answers: readonly TaskAnswer[];
  /** The header `server-timing`; empty where there is none. */
  readonly serverTiming: string;
  /** From the call to the last byte of the answer. */
  readonly totalMs: number;
  readonly requestId: string | null;
}

export interface Client {
  /** Every task that may be used, also those that cannot be opened. Throws ServerError. */
  listTasks(): Promise<ListedTask[]>;
  /** One task with its recorded examples. Throws ServerError. */
  task(name: string): Promise<TaskDescription>;
  /** Asks one text of one or several tasks. Throws ServerError. */
  predict(call: PredictCall, asks: readonly Ask[], signal?: AbortSignal): Promise<Answered>;
  /** Lines of a streamed answer to POST /v1/predict. Throws ServerError. */
  stream(body: unknown, signal: AbortSignal): AsyncGenerator<unknown>;
}

/** More pages than this hold more tasks than a person looks through. */
const MAX_PAGES = 10;

/** A client of the Worker at `root`; `key` is asked for before each request. */
export function createClient(root: string, key: () => string): Client {
  const headers = (more: Readonly<Record<string, string>> = {}): Record<string, string> =>
    key() === "" ? { ...more } : { ...more, authorization: `Bearer ${key()}` };

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${root}${path}`, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ServerError({ code: "network", detail: "the server cannot be reached" }, 0);
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    throw new ServerError(problem, response.status, Number.isFinite(seconds) ? seconds : null);
  }

  const post = (path: string, body: unknown, accept: string, signal?: AbortSignal) =>
    send(path, {
      method: "POST",
      headers: headers({ "content-type": "application/json", accept }),
      body: JSON.stringify(body),
      signal: signal ?? null,
    });

  return {
    async listTasks() {
      const tasks: ListedTask[] = [];
      let query = "";
      for (let page = 0; page < MAX_PAGES; page++) {
        const response = await send(`/v1/tasks${query}`, { headers: headers() });
        const list = (await response.json()) as { tasks: ListedTask[]; cursor?: string };
        tasks.push(...list.tasks);
        if (list.cursor === undefined) break;
        query = `?cursor=${encodeURIComponent(list.cursor)}`;
      }
      return tasks;
    },

    async task(name) {
      const path = `/v1/tasks/${encodeURIComponent(name)}`;
      return (await (await send(path, { headers: headers() })).json()) as TaskDescription;
    },

    async predict(call, asks, signal) {
      const startedAt = performance.now();
      const response = await post(call.path, call.body, "application/json", signal);
      const body: unknown = await response.json();
      return {
        answers: answersOf(body, asks, response.headers),
        serverTiming: response.headers.get("server-timing") ?? "",
        totalMs: performance.now() - startedAt,
        requestId: response.headers.get("x-request-id"),
      };
    },

    async *stream(body, signal) {
      const response = await post("/v1/predict", body, "application/x-ndjson", signal);
      for await (const line of linesOf(response)) yield JSON.parse(line) as unknown;
    },
  };
}

/** Both routes answer alike: of one task by its own route, of several by the common one. */
function answersOf(body: unknown, asks: readonly Ask[], headers: Headers): TaskAnswer[] {
  const [only] = asks;
  if (asks.length === 1 && only) {
    const isStale = headers.get("x-task-stale") === "true";
    const version = headers.get("x-task-version");
    return [{ task: only.task, version, isStale, outcome: { result: oneOf(body, only.type) } }];
  }
  const { results } = body as { results: readonly ManyResult[] };
  return results.map((item, at) => ({
    task: item.task,
    version: item.version ?? null,
    isStale: item.is_stale === true,
    outcome: item.error
      ? { error: item.error }
      : { result: oneOf(item.result, asks[at]?.type ?? "sequence") },
  }));
}

interface ManyResult {
  readonly task: string;
  readonly version?: string;
  readonly result?: unknown;
  readonly is_stale?: boolean;
  readonly error?: Problem;
}

/** Labels of one text stand in a list of one, entities do not (docs/http.md). */
export const oneOf = (result: unknown, type: "sequence" | "token"): unknown =>
  type === "sequence" && Array.isArray(result) ? (result[0] as unknown) : result;

/** Lines of a body as they arrive; what stands behind the last line end is a line, too. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop()!;
    for (const line of lines) if (line !== "") yield line;
    if (done) return;
  }
}
