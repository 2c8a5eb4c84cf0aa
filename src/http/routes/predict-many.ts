/**
 * POST /v1/predict: any mix of tasks in one call. All rows are queued together, so that rows with
 * different prefixes and heads share runs; an item's result is exactly what the task's own route
 * answers for it, and an item's failure is its own.
 */
import { EdgePrefixError, InputError, LimitError } from "../../core/errors.ts";
import type { Task } from "../../core/format/task.ts";
import type { Answer, Ask, Opened, Outcome, Progress } from "../../serve/predictor.ts";
import { atInput, setAnswerHeaders, startWork, streamAnswer } from "../answers/answering.ts";
import { checkTask } from "../doors/auth.ts";
import { readJson } from "../doors/body.ts";
import { canaryKeyOf, holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkInputs, countInputs } from "../doors/limits.ts";
import { describeFailure } from "../answers/middleware.ts";
import type { Problem } from "../answers/problem.ts";
import { bodyOf } from "./predict.ts";
import { negotiate } from "../answers/respond.ts";
import type { StreamItem } from "../answers/respond.ts";
import { readPredictManyRequest } from "../schemas/schema.ts";
import type { ManyItem } from "../schemas/schema.ts";
import type { Limits } from "../settings/config.ts";

/** An item that can be run: its task and where its inputs stand among those of all items. */
interface Runnable {
  readonly item: ManyItem;
  readonly opened: Opened;
  readonly from: number;
}

export function predictMany(deps: AppDeps): AppHandler {
  const { config, models, predictor } = deps;
  return async (c) => {
    const format = negotiate(c);
    const body = await readJson(c, deps);
    const read = readItems(body, config);
    const hold = holdOf(c);
    const canaryKey = canaryKeyOf(c);
    // Without the base nothing can be answered: that is no failure of an item.
    const [base, arranged] = await Promise.all([
      models.get(hold),
      arrangeItems(read, config, open),
    ]);
    const { asks } = arranged;

    const work = startWork(c, deps);
    const results = gather(arranged, predictor.predictMany(base, asks, work));
    const { timings, usage } = work;
    const tasks = inputsByTask(asks);
    Object.assign(c.var.logged, { tasks, inputs: asks.length, format, timings, usage });
    const setHeaders = (): void => setAnswerHeaders(c, base, work, format);

    if (format !== "application/json") {
      return streamAnswer(c, deps, { format, items: results, work, isSingle: false, setHeaders });
    }
    const answer = await answerItems(results, (error) => describeFailure(deps, c, error));
    setHeaders();
    return c.body(JSON.stringify(answer));

    async function open({ task, version }: ManyItem): Promise<Opened> {
      checkTask(c, task);
      return predictor.open(task, { version, canaryKey, hold });
    }
  };
}

/** Items of a request, and what is wrong with single ones, by index. */
export interface ReadItems {
  readonly items: readonly ManyItem[];
  readonly failures: ReadonlyMap<number, Error>;
}

/** The same, with what to ask for the items that can be run, in one list. */
export interface ArrangedItems extends ReadItems {
  readonly runnable: ReadonlyMap<number, Runnable>;
  readonly asks: readonly Ask[];
}

/** Reads and checks a parsed body. Throws what readPredictManyRequest, countInputs and checkItems throw. */
export function readItems(
  body: unknown,
  limits: Pick<Limits, "maxInputs" | "maxCharacters">,
): ReadItems {
  countInputs(body, limits);
  const items = readPredictManyRequest(body);
  return { items, failures: checkItems(items, limits) };
}

/**
 * Opens every version that is asked for once; a failure is that of the items that ask for it. Throws
 * LimitError `too-many-tasks`.
 */
export async function arrangeItems(
  { items, failures }: ReadItems,
  { maxTasks }: Pick<Limits, "maxTasks">,
  open: (item: ManyItem) => Promise<Opened>,
): Promise<ArrangedItems> {
  const wanted = items.filter((_, i) => !failures.has(i));
  const distinct = new Map(wanted.map((item) => [keyOf(item), item]));
  if (distinct.size > maxTasks) {
    throw new LimitError(
      "too-many-tasks",
      `items: name ${distinct.size} tasks, allowed are ${maxTasks}; send them in several requests`,
    );
  }
  const opened = new Map<string, Opened | Error>();
  const openOne = async (key: string, item: ManyItem): Promise<void> => {
    try {
      opened.set(key, await open(item));
    } catch (error) {
      if (!(error instanceof EdgePrefixError)) throw error;
      opened.set(key, error);
    }
  };
  await Promise.all([...distinct].map(([key, item]) => openOne(key, item)));
  return arrange(items, failures, opened);
}

/** The JSON answer of all items; `describe` makes the problem of an item's failure. */
export async function answerItems(
  results: AsyncIterable<StreamItem>,
  describe: (error: unknown) => Problem,
): Promise<{ results: unknown[] }> {
  const answers: unknown[] = [];
  for await (const { index: _, ...answer } of results) {
    if ("error" in answer) answers.push({ ...answer, error: describe(answer["error"]) });
    else if (!("progress" in answer)) answers.push(answer);
  }
  return { results: answers };
}

/** How many inputs each task has, for metrics. */
function inputsByTask(asks: readonly { readonly task: Task }[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { manifest } of asks.map(({ task }) => task)) {
    counts.set(manifest.task, (counts.get(manifest.task) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

const keyOf = ({ task, version }: ManyItem): string => `${task}@${version ?? ""}`;

/** Looks at the texts of all items. Throws InputError `inputs-empty`; returns what is wrong with single items. */
function checkItems(
  items: readonly ManyItem[],
  limits: Parameters<typeof checkInputs>[1],
): Map<number, Error> {
  if (items.length === 0) {
    throw new InputError("inputs-empty", "items: is an empty list, expected at least one item");
  }
  const failures = new Map<number, Error>();
  const owners = items.flatMap(({ inputs }, i) => inputs.map((_, k) => ({ i, k })));
  items.forEach(({ inputs }, i) => {
    if (inputs.length > 0) return;
    const empty = "inputs: is an empty list, expected at least one text";
    failures.set(i, new InputError("inputs-empty", empty));
  });
  const texts = items.flatMap(({ inputs }) => inputs);
  if (texts.length === 0) return failures;
  for (const [index, failure] of checkInputs(texts, limits)) {
    const { i, k } = owners[index]!;
    if (!failures.has(i)) failures.set(i, atInput(k, failure, items[i]!.isSingle));
  }
  return failures;
}

/** The items that can be run and what to ask for them, in one list; the others join the failures. */
function arrange(
  items: readonly ManyItem[],
  known: ReadonlyMap<number, Error>,
  versions: ReadonlyMap<string, Opened | Error>,
): ArrangedItems {
  const failures = new Map(known);
  const runnable = new Map<number, Runnable>();
  const asks: Ask[] = [];
  items.forEach((item, i) => {
    if (failures.has(i)) return;
    const opened = versions.get(keyOf(item))!;
    if (opened instanceof Error) {
      failures.set(i, opened);
      return;
    }
    runnable.set(i, { item, opened, from: asks.length });
    const { task } = opened;
    const { parameters } = item;
    asks.push(...item.inputs.map((input) => ({ task, input, parameters })));
  });
  return { items, failures, runnable, asks };
}

/** Outcomes of single inputs -> an answer or a failure for every item, in the items' order. */
export async function* gather(
  { items, failures, runnable }: ArrangedItems,
  outcomes: AsyncGenerator<Outcome<Answer> | Progress>,
): AsyncGenerator<StreamItem> {
  try {
    for (const [index, { task }] of items.entries()) {
      const run = runnable.get(index);
      if (run) yield* answerOf(index, run, outcomes);
      else yield { index, task, error: failures.get(index) };
    }
  } finally {
    await outcomes.return(undefined);
  }
}

async function* answerOf(
  index: number,
  { item: { task, inputs, isSingle }, opened, from }: Runnable,
  outcomes: AsyncGenerator<Outcome<Answer> | Progress>,
): AsyncGenerator<StreamItem> {
  const results: Answer[] = [];
  let truncated = 0;
  let failure: Error | null = null;
  for (let left = inputs.length; left > 0;) {
    const { value, done } = await outcomes.next();
    if (done) throw new TypeError("predictMany: gave fewer outcomes than it was asked for");
    if ("progress" in value) {
      yield { index, progress: value.progress };
      continue;
    }
    left--;
    if ("error" in value) failure ??= atInput(value.index - from, value.error, isSingle);
    else {
      results.push(value.result);
      if (value.isTruncated) truncated++;
    }
  }
  if (failure) {
    yield { index, task, error: failure };
    return;
  }
  const { manifest, version } = opened.task;
  yield {
    index,
    task,
    version,
    result: bodyOf(results, isSingle, manifest.type),
    ...(truncated > 0 ? { truncated } : {}),
    ...(opened.isStale ? { is_stale: true } : {}),
    ...(opened.isStale && opened.staleCode ? { stale_code: opened.staleCode } : {}),
  };
}
