/** One base in memory, and the runs that are made on it, one at a time. */
import { InputError } from "../../../core/errors.ts";
import { ENGINE_TITLES, servingEngine } from "../../../engine/simd/serving-engine.ts";
import type { Task } from "../../../core/format/task.ts";
import { encodeUtf8 } from "../../../core/text.ts";
import type { Base } from "../../../encoder/base.ts";
import type { PreparedTask } from "../../../learn/task/prepare.ts";
import { settledSpec } from "../../../learn/task/settled.ts";
import { writeTaskSpec } from "../../../learn/task/spec.ts";
import type { TaskSpec } from "../../../learn/task/spec.ts";
import { trainTask } from "../../../learn/task/train-task.ts";
import type { FinishedRun } from "../../../learn/task/finish.ts";
import { reportHtml } from "../../../report/page.ts";
import { taskCard } from "../../../report/task-card.ts";
import { trainedFacts } from "../../../report/trained-task.ts";
import type { Answer } from "../../../serve/prediction.ts";
import { baseOf, filesAt } from "../../worker/files.ts";
import { clock } from "../../worker/host.ts";
import type { LoadProgress } from "../../calls.ts";
import type { GivenFile, Look, OpenAsk, RunEnd, RunEvent, TrainingRequest } from "../calls.ts";
import { readBase } from "./base.ts";
import { isSameRun, lookAt, prepareRequest, specOf } from "./prepare.ts";
import { openRunStorage } from "../run-storage.ts";
import type { RunStorage } from "../run-storage.ts";
import { pageRuntimes } from "./runtimes.ts";
import { told } from "./told.ts";
import { tryOut } from "./try-out.ts";

export interface Trainer {
  readonly base: Base;
  look(request: TrainingRequest): Promise<Look>;
  /** Trains; null goes on with the unfinished run. */
  train(request: TrainingRequest | null): AsyncGenerator<RunEvent, RunEnd>;
  stop(): void;
  tryOut(text: string, pair: string | null): Promise<Answer>;
}

/** A page is closed without a word, so the run is saved often. */
const SAVE_EVERY_MS = 5_000;
/** Which program saved a run: the page of a Worker changes with the Worker. */
const PROGRAM = "page";

/** Loads the base that is served at an address; yields how much of it has arrived. */
export async function* openTrainer(
  { from, apiKey, runtimeUrl }: OpenAsk,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, Trainer> {
  const { files, settled } = await filesAt(from, apiKey);
  const base = yield* readBase(files, await baseOf(files, from), signal);
  await settled();
  return trainerOf(base, runtimeUrl, await openRunStorage(from));
}

function trainerOf(base: Base, runtimeUrl: string, storage: RunStorage): Trainer {
  const runtimes = pageRuntimes(base, runtimeUrl);
  let running: AbortController | null = null;
  let trained: Task | null = null;
  /** The last look, by which a run of the same file and choices begins. */
  let looked: { readonly request: TrainingRequest; readonly prepared: PreparedTask } | null = null;

  /** What a run is made of. What is odd about the data was told when it was looked at. */
  const preparedFor = (request: TrainingRequest): Promise<PreparedTask> =>
    looked && isSameRun(looked.request, request)
      ? Promise.resolve(looked.prepared)
      : prepareRequest(request, base, () => undefined);

  async function run(
    given: TrainingRequest | null,
    tell: (event: RunEvent) => void,
  ): Promise<RunEnd> {
    const own = (running = new AbortController());
    try {
      const request = given ?? (await unfinishedRequest(storage));
      const note = (line: string): void => tell({ kind: "note", line });
      const spec = specOf(request);
      const prepared = await preparedFor(request);
      if (given) {
        await storage.drop();
        await storage.keepRequest(request);
      }
      const { epochs } = prepared.hyperparameters;
      const result = await trainTask(spec, prepared, base, runtimes, {
        name: request.name,
        store: storage.state,
        program: PROGRAM,
        saveEveryMs: SAVE_EVERY_MS,
        resume: given === null,
        inspectsRows: true,
        signal: own.signal,
        now: clock.now,
        note,
        onEstimate: (estimate) => tell({ kind: "estimate", estimate }),
        onStep: (report) => tell({ kind: "step", report }),
        onEpoch: ({ history }) => tell({ kind: "epoch", record: history.at(-1)!, epochs }),
      });
      if (!result.isDone) return { isDone: false, step: result.step };
      trained = result.packed.task;
      const engine = ENGINE_TITLES[servingEngine(base.manifest)];
      const facts = trainedFacts(request.name, spec, prepared, result, engine);
      const end: RunEnd = {
        isDone: true,
        task: request.name,
        version: trained.version,
        base: base.manifest.name,
        takesPairs: prepared.train.some(({ pair }) => pair !== undefined),
        facts,
        files: filesOf(spec, prepared, result, facts, base),
      };
      await storage.drop();
      return end;
    } finally {
      running = null;
    }
  }

  return {
    base,
    async look(request) {
      const { look, prepared } = await lookAt(request, base);
      looked = prepared && { request, prepared };
      return look;
    },
    train: (request) => told((tell) => storage.exclusively(() => run(request, tell))),
    stop: () => running?.abort(),
    async tryOut(text, pair) {
      if (!trained) throw new InputError("data-missing", "no task was trained in this page yet");
      const input = pair === null ? { text } : { text, text_pair: pair };
      return tryOut(await runtimes.answering(), trained, input);
    },
  };
}

async function unfinishedRequest(storage: RunStorage): Promise<TrainingRequest> {
  const request = await storage.request();
  if (request) return request;
  throw new InputError("data-missing", "this browser has no unfinished run of this base");
}

/** The files of the task's folder. */
function filesOf(
  spec: TaskSpec,
  prepared: PreparedTask,
  { packed }: FinishedRun,
  facts: ReturnType<typeof trainedFacts>,
  base: Base,
): GivenFile[] {
  const settled = settledSpec(spec, prepared, {
    name: spec.name!,
    base: base.manifest.name,
    init: undefined,
    teacher: undefined,
    data: spec.data,
  });
  return [
    { name: "prefix.safetensors", bytes: packed.prefixBytes },
    { name: "manifest.json", bytes: packed.manifestBytes },
    { name: "task.json", bytes: encodeUtf8(writeTaskSpec(settled)) },
    { name: "CARD.md", bytes: encodeUtf8(taskCard(facts)) },
    { name: "report.html", bytes: encodeUtf8(reportHtml(facts)) },
  ];
}
