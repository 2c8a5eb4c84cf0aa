/** Answers the rows of jobs: texts of one task here, requests in OpenAI's form in requests.ts. */
import type { Answer, AnswerRows } from "../../serve/bulk/answered.ts";
import type { Job } from "../../serve/bulk/job.ts";
import type { Pins } from "../../serve/bulk/pins.ts";
import type { Row } from "../../serve/bulk/rows.ts";
import type { Hold } from "../../serve/flight.ts";
import type { TextInput } from "../../serve/prediction.ts";
import type { AppDeps } from "../context/context.ts";
import { checkInputs } from "../doors/limits.ts";
import { askByLength, lengthOfInput } from "./by-length.ts";

export interface AnswerDeps {
  readonly deps: Pick<AppDeps, "config" | "predictor">;
  readonly pins: Pins;
  /** Answers rows in OpenAI's form. */
  readonly requests: AnswerRows;
  /** Keeps the consumer's context alive for a base that loads. */
  readonly hold: Hold;
}

export const createAnswers =
  (parts: AnswerDeps): AnswerRows =>
  (job, rows, signal) =>
    job.task !== null && job.rows.kind !== "requests"
      ? answerTexts(parts, job, job.task, rows, signal)
      : parts.requests(job, rows, signal);

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
  const sound = [...inputs.keys()].filter((i) => !failures.has(i));
  const texts = sound.map((i) => inputs[i]!);
  const outcomes = await askByLength(texts, lengthOfInput, (some) =>
    predictor.predict(opened, some, job.parameters, { signal }),
  );
  for (const outcome of outcomes) {
    const { index } = outcome;
    answers[sound[index]!] =
      "error" in outcome ? { error: outcome.error } : { result: outcome.result };
  }
  return answers;
}
