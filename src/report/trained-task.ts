/** From a finished run to what its card and its report say. */
import { evaluationFacts } from "./evaluation-facts.ts";
import type { ReportFacts, TaughtFacts } from "./facts.ts";
import { taskFacts, withTraining } from "./task-facts.ts";
import { isServed } from "../learn/methods.ts";
import type { FinishedRun } from "../learn/task/finish.ts";
import type { PreparedTask } from "../learn/task/prepare.ts";
import { DEFAULT_LEVEL } from "../learn/task/spec.ts";
import type { TaskSpec } from "../learn/task/spec.ts";

/** Everything that report and card say of a run; `runtime` is what measured it, for people. */
export function trainedFacts(
  folder: string,
  spec: TaskSpec,
  prepared: PreparedTask,
  run: FinishedRun,
  runtime: string,
): ReportFacts {
  const { packed, base, evaluation, files, examples, logits, crossValidation } = run;
  const { task } = packed;
  const hasTexts = (spec.report ?? DEFAULT_LEVEL) === "full";
  const { method, objective, hyperparameters, seed, reasons, summary } = prepared;
  const facts = taskFacts(task.manifest, base, {
    method,
    isServed: isServed(method),
    version: task.version,
    folder,
    description: spec.description,
    limits: spec.limits,
    readsWords: task.head.transitions !== null,
    evaluation: evaluationFacts(task.manifest, {
      name: prepared.evaluationName,
      runtime: `${base.dtype}, ${runtime}`,
      examples,
      crossValidation: crossValidation ?? undefined,
      logits,
      evaluation,
      files,
      hasTexts,
    }),
    doubtful: hasTexts ? run.doubtful : [],
  });
  return withTraining(facts, {
    state: run.state,
    course: run.course,
    rows: prepared.train.length,
    scoreName: evaluation.score.name,
    objective,
    hyperparameters,
    seed,
    maxRows: spec.max_rows,
    start: prepared.init
      ? {
          name: prepared.init.name,
          tasks: prepared.init.tasks,
          gain: run.startGain ?? undefined,
        }
      : undefined,
    reasons,
    teacher: taughtFacts(prepared),
    summary,
    origin: spec.data,
  });
}

function taughtFacts({ teacher, unlabelled }: PreparedTask): TaughtFacts | undefined {
  if (!teacher?.by) return undefined;
  const { share, temperature, by } = teacher;
  return { name: by.name, what: by.what, share, temperature, unlabelled: unlabelled.length };
}
