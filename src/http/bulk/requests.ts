/**
 * Answers rows in OpenAI's form: each gets the status and the body that its route answers, and fails
 * alone. The texts of all rows go to the predictor in one call. Were each row a request of its own, each
 * would poll for its answer with timers of its own, and the host takes a turn for every timer.
 */
import {
  EdgePrefixError,
  InputError,
  OverloadedError,
  UnavailableError,
} from "../../core/errors.ts";
import { isName } from "../../core/format/keys.ts";
import { encodeUtf8 } from "../../core/text.ts";
import type { Answer, AnswerRows } from "../../serve/bulk/answered.ts";
import type { Job } from "../../serve/bulk/job.ts";
import type { Pins } from "../../serve/bulk/pins.ts";
import type { Hold } from "../../serve/flight.ts";
import type { Opened, Outcome } from "../../serve/predictor.ts";
import { FailedInputError, problemBody, problemOf } from "../answers/problem.ts";
import type { AppDeps } from "../context/context.ts";
import { checkJson, checkSize } from "../doors/body.ts";
import { askByLength } from "./by-length.ts";
import { embeddingsRoute, itemsRoute, taskRoute } from "./questions.ts";
import type { BulkRoute, Question } from "./questions.ts";

export interface RequestDeps {
  readonly deps: Pick<AppDeps, "config" | "models" | "predictor" | "requestId">;
  readonly pins: Pins;
  /** Keeps the consumer's context alive for a base that loads. */
  readonly hold: Hold;
}

/** The route whose items name tasks of their own. */
const MIXED = "/v1/predict";

/** A row's request; the doors are open, since a job was let in when it was made. */
interface BulkRequest {
  readonly path: string;
  readonly requestId: string;
  readonly body: unknown;
}

export const createRequestAnswers =
  (parts: RequestDeps): AnswerRows =>
  async (job, rows, signal) => {
    const { deps, pins, hold } = parts;
    const base = await deps.models.get(hold);
    const call = { deps, base, open: openOnce(parts, job), signal };
    const requests: (BulkRequest | EdgePrefixError)[] = [];
    for (const { asked } of rows) {
      const body = await pinnedBody(pins, job, "body" in asked ? asked.body : null);
      const request = { path: job.endpoint, requestId: deps.requestId(), body };
      requests.push(body instanceof EdgePrefixError ? body : request);
    }
    const { config } = deps;
    if (job.task !== null) {
      const version = await pins(job, job.task);
      return answerAll(taskRoute(call, job.task, version), requests, config);
    }
    return job.endpoint === MIXED
      ? answerAll(itemsRoute(call), requests, config)
      : answerAll(embeddingsRoute(call), requests, config);
  };

/** Opens each version once, however many rows name it. */
function openOnce({ deps: { predictor }, hold }: RequestDeps, { id: canaryKey }: Job) {
  const opened = new Map<string, Promise<Opened>>();
  return (task: string, version: string | undefined): Promise<Opened> => {
    const key = `${task}@${version ?? ""}`;
    const found = opened.get(key) ?? predictor.open(task, { version, canaryKey, hold });
    opened.set(key, found);
    return found;
  };
}

async function answerAll<A, T>(
  route: BulkRoute<A, T>,
  requests: readonly (BulkRequest | EdgePrefixError)[],
  limits: AppDeps["config"],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const questions: { at: number; request: BulkRequest; question: Question<A, T> }[] = [];
  for (const [at, request] of requests.entries()) {
    if (request instanceof EdgePrefixError) {
      answers[at] = { error: request };
      continue;
    }
    try {
      checkBody(request.body, limits);
      const describe = (error: unknown) => problemOf(error, request.path, request.requestId);
      questions.push({ at, request, question: await route.read(request.body, describe) });
    } catch (error) {
      answers[at] = refused(request, error);
    }
  }
  const asks = questions.flatMap(({ question }) => question.asks);
  let outcomes: readonly Outcome<T>[];
  try {
    outcomes = await askByLength(asks, route.lengthOf, route.run);
  } catch (error) {
    // Any of several rows may be at fault: fewer of them are asked then.
    const [only, ...others] = questions;
    if (!only || others.length > 0) throw error;
    answers[only.at] = refused(only.request, error);
    return answers;
  }
  let from = 0;
  for (const { at, request, question } of questions) {
    const own = outcomes.slice(from, (from += question.asks.length));
    try {
      const body = await question.answer(own.map((outcome, index) => ({ ...outcome, index })));
      answers[at] = { status: 200, requestId: request.requestId, body };
    } catch (error) {
      answers[at] = refused(request, error);
    }
  }
  return answers;
}

/** Throws what a route refuses a body for before it is read. */
function checkBody(body: unknown, limits: AppDeps["config"]): void {
  const text = JSON.stringify(body);
  checkSize(encodeUtf8(text).length, limits);
  checkJson(text, limits);
}

/** Codes of a route that say nothing about the request itself. */
const LATER = ["overloaded", "deadline-exceeded"];

/** What the route answers with a problem; a problem of more than this row is thrown. */
function refused({ path, requestId }: BulkRequest, error: unknown): Answer {
  const problem = problemOf(error, path, requestId);
  const { status, code, detail } = problem;
  if (status !== 503 && status !== 429) {
    return { status, requestId, body: problemBody(path, problem) };
  }
  // Thrown, so that fewer are asked at once, or all of them later.
  if (LATER.includes(code)) throw new OverloadedError(code, detail);
  const unavailable = new UnavailableError(code, detail, { cause: error });
  if (error instanceof FailedInputError) return { error: unavailable };
  throw unavailable;
}

/** The body of a line by the versions that the job has pinned; or why the job may not ask it. */
async function pinnedBody(pins: Pins, job: Job, body: unknown): Promise<unknown> {
  if (job.endpoint !== MIXED || !isMixed(body)) return body ?? null;
  const items: unknown[] = [];
  for (const item of body.items) {
    const task = taskOf(item);
    if (task !== null && job.tasks?.includes(task) === false) {
      const may = "the key of this batch may not use it";
      return new InputError("not-allowed", `task "${task}": ${may}`);
    }
    items.push(task === null ? item : withVersion(item, await pins(job, task)));
  }
  return { ...body, items };
}

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
