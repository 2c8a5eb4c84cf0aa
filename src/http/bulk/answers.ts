/**
 * Answers the rows of jobs. Texts of one task go to the predictor, all at once, so that they share
 * runs. Requests in OpenAI's form go through the app itself, so that each gets what its route answers.
 */
import { mapLimited } from "../../core/concurrency.ts";
import {
  EdgePrefixError,
  InputError,
  OverloadedError,
  UnavailableError,
} from "../../core/errors.ts";
import { isName } from "../../core/format/keys.ts";
import type { Answer, AnswerRows } from "../../serve/bulk/answered.ts";
import type { Job } from "../../serve/bulk/job.ts";
import type { Pins } from "../../serve/bulk/pins.ts";
import type { Row } from "../../serve/bulk/rows.ts";
import type { Hold } from "../../serve/flight.ts";
import type { TextInput } from "../../serve/prediction.ts";
import type { AppDeps } from "../context/context.ts";
import { checkInputs } from "../doors/limits.ts";

export interface AnswerDeps {
  readonly deps: Pick<AppDeps, "config" | "predictor">;
  readonly pins: Pins;
  /** The app without doors: a job was let in when it was made. */
  readonly ask: (request: Request) => Promise<Response>;
  /** Keeps the consumer's context alive for a base that loads. */
  readonly hold: Hold;
}

/** Requests under way at once: enough to fill batches. */
const AT_ONCE = 64;

export const createAnswers =
  (parts: AnswerDeps): AnswerRows =>
  (job, rows, signal) =>
    job.task !== null && job.rows.kind !== "requests"
      ? answerTexts(parts, job, job.task, rows, signal)
      : mapLimited(rows, AT_ONCE, (row) => answerRequest(parts, job, row));

async function answerTexts(
  { deps: { config, predictor }, pins, hold }: AnswerDeps,
  job: Job,
  task: string,
  rows: readonly Row[],
  signal: AbortSignal,
): Promise<Answer[]> {
  const inputs = rows.map(({ asked }): TextInput =>
    "input" in asked ? asked.input : { text: "" },
  );
  const failures = checkInputs(inputs, config);
  const version = await pins(job, task);
  const opened = await predictor.open(task, { version, hold });
  const answers: Answer[] = inputs.map((_, i) => ({ error: failures.get(i)! }));
  // By length: rows that share a run are padded to the longest, and one that does not fit begins another.
  const sound = [...inputs.keys()]
    .filter((i) => !failures.has(i))
    .sort((a, b) => lengthOf(inputs[a]!) - lengthOf(inputs[b]!));
  const texts = sound.map((i) => inputs[i]!);
  for await (const outcome of predictor.predict(opened, texts, job.parameters, { signal })) {
    const { index } = outcome;
    answers[sound[index]!] =
      "error" in outcome ? { error: outcome.error } : { result: outcome.result };
  }
  return answers;
}

const lengthOf = ({ text, text_pair: pair = "" }: TextInput): number => text.length + pair.length;

/** Codes of a route that say nothing about the request itself. */
const LATER = ["overloaded", "too-many-bodies", "deadline-exceeded"];

async function answerRequest(parts: AnswerDeps, job: Job, { asked }: Row): Promise<Answer> {
  const pinned = await pinnedRequest(parts, job, "body" in asked ? asked.body : null);
  if (pinned instanceof EdgePrefixError) return { error: pinned };
  const response = await parts.ask(pinned);
  const body = (await response.json()) as { code?: unknown; detail?: unknown };
  const [code, detail] = [String(body.code), String(body.detail)];
  if (response.status === 503 || response.status === 429) {
    // Thrown, so that fewer are asked at once, or all of them later.
    throw LATER.includes(code)
      ? new OverloadedError(code, detail)
      : new UnavailableError(code, detail);
  }
  const requestId = response.headers.get("x-request-id") ?? "";
  return { status: response.status, requestId, body };
}

/** The request of a line, by the versions that the job has pinned; or why the job may not ask it. */
async function pinnedRequest(
  { pins }: AnswerDeps,
  job: Job,
  body: unknown,
): Promise<Request | EdgePrefixError> {
  const version = job.task === null ? undefined : await pins(job, job.task);
  const query = version === undefined ? "" : `?version=${version}`;
  let asked = body;
  if (job.endpoint === MIXED && isMixed(body)) {
    const items: unknown[] = [];
    for (const item of body.items) {
      const task = taskOf(item);
      if (task !== null && job.tasks?.includes(task) === false) {
        return new InputError(
          "not-allowed",
          `task "${task}": the key of this batch may not use it`,
        );
      }
      items.push(task === null ? item : withVersion(item, await pins(job, task)));
    }
    asked = { ...body, items };
  }
  return new Request(`https://bulk${job.endpoint}${query}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked ?? null),
  });
}

/** The route whose items name tasks of their own. */
export const MIXED = "/v1/predict";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isMixed = (body: unknown): body is { items: unknown[] } =>
  isObject(body) && Array.isArray(body["items"]);

function taskOf(item: unknown): string | null {
  const task = isObject(item) ? item["task"] : null;
  return typeof task === "string" && isName(task) ? task : null;
}

/** An item with the pinned version, unless it names one. */
function withVersion(item: unknown, version: string | undefined): unknown {
  const given = isObject(item) ? (item["parameters"] ?? {}) : null;
  if (!isObject(item) || !isObject(given) || version === undefined) return item;
  return { ...item, parameters: { version, ...given } };
}
