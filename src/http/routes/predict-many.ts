/**
 * POST /v1/predict: any mix of tasks in one call. All rows are queued together, so that rows with
 * different prefixes and heads share runs; an item's result is exactly what the task's own route
 * answers for it, and an item's failure is its own.
 */
import { EdgePrefixError, InputError, LimitError } from "../../core/errors.ts";
import type { Task } from "../../core/format/task.ts";
import type { Answer, Opened, Outcome, Progress } from "../../serve/predictor.ts";
import { atInput, setAnswerHeaders, startWork, streamAnswer } from "../answers/answering.ts";
import { checkTask } from "../doors/auth.ts";
import { readJson } from "../doors/body.ts";
import { canaryKeyOf, holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkInputs, countInputs } from "../doors/limits.ts";
import { describeFailure } from "../answers/middleware.ts";
import { bodyOf } from "./predict.ts";
import { negotiate } from "../answers/respond.ts";
import type { StreamItem } from "../answers/respond.ts";
import { readPredictManyRequest } from "../schemas/schema.ts";
import type { ManyItem } from "../schemas/schema.ts";

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
    countInputs(body, config);
    const items = readPredictManyRequest(body);
    const failures = checkItems(items, config);
    const hold = holdOf(c);
    const canaryKey = canaryKeyOf(c);
    // Without the base nothing can be answered: that is no failure of an item.
    const [base, versions] = await Promise.all([
      models.get(hold),
      openAll(items.filter((_, i) => !failures.has(i))),
    ]);
    const { runnable, asks } = arrange(items, failures, versions);

    const work = startWork(c, deps);
    const results = gather(items, failures, runnable, predictor.predictMany(base, asks, work));
    const { timings, usage } = work;
    const tasks = inputsByTask(asks);
    Object.assign(c.var.logged, { tasks, inputs: asks.length, format, timings, usage });
    const setHeaders = (): void => setAnswerHeaders(c, base, work, format);

    if (format !== "application/json") {
      return streamAnswer(c, deps, { format, items: results, work, isSingle: false, setHeaders });
    }
    const answers: unknown[] = [];
    for await (const { index: _, ...answer } of results) {
      if ("error" in answer) {
        answers.push({ ...answer, error: describeFailure(deps, c, answer["error"]) });
      } else if (!("progress" in answer)) answers.push(answer);
    }
    setHeaders();
    return c.body(JSON.stringify({ results: answers }));

    /** Opens every version that is asked for once; a failure is that of the items that ask for it. */
    async function openAll(wanted: readonly ManyItem[]): Promise<Map<string, Opened | Error>> {
      const opened = new Map<string, Opened | Error>();
      const open = async (key: string, { task, version }: ManyItem): Promise<void> => {
        try {
          checkTask(c, task);
          opened.set(key, await predictor.open(task, { version, canaryKey, hold }));
        } catch (error) {
          if (!(error instanceof EdgePrefixError)) throw error;
          opened.set(key, error);
        }
      };
      const distinct = new Map(wanted.map((item) => [keyOf(item), item]));
      if (distinct.size > config.maxTasks) {
        throw new LimitError(
          "too-many-tasks",
          `items: name ${distinct.size} tasks, allowed are ${config.maxTasks}; send them in several requests`,
        );
      }
      await Promise.all([...distinct].map(([key, item]) => open(key, item)));
      return opened;
    }
  };
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
  failures: Map<number, Error>,
  versions: ReadonlyMap<string, Opened | Error>,
) {
  const runnable = new Map<number, Runnable>();
  const asks: Parameters<AppDeps["predictor"]["predictMany"]>[1][number][] = [];
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
  return { runnable, asks };
}

/** Outcomes of single inputs -> an answer or a failure for every item, in the items' order. */
async function* gather(
  items: readonly ManyItem[],
  failures: ReadonlyMap<number, Error>,
  runnable: ReadonlyMap<number, Runnable>,
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
