/** What a person has chosen in the page, as the task.json and the data that a run is prepared from. */
import { InputError } from "../../../core/errors.ts";
import { servingBuild } from "../../../engine/simd/serving-engine.ts";
import type { Base as WholeBase } from "../../../encoder/base.ts";
import { tokenizerOf } from "../../../encoder/loaded-base.ts";
import { formatOf, parseData } from "../../../learn/data/read.ts";
import { startOfTable } from "../../../learn/data/table-start.ts";
import { prepareTask } from "../../../learn/task/prepare.ts";
import type { PreparedTask } from "../../../learn/task/prepare.ts";
import { readFiles } from "../../../learn/task/read-files.ts";
import { shownSettings } from "../../../learn/task/settings.ts";
import { EMPTY_SPEC } from "../../../learn/task/spec.ts";
import type { DataFile, TaskSpec } from "../../../learn/task/spec.ts";
import { failureOf } from "../../channel/failure.ts";
import type { Choices, GivenFile, Look, Prepared, TrainingRequest } from "../calls.ts";
import { readText } from "./read-text.ts";

/** What a run is prepared by: no graph, no weights. */
type Base = Pick<WholeBase, "manifest" | "files">;

/** A request as a task.json. */
export function specOf({ name, file, evaluation, choices }: TrainingRequest): TaskSpec {
  const { type, problemType, method, epochs, learningRate, seed } = choices;
  return {
    ...EMPTY_SPEC,
    name,
    type: type ?? undefined,
    problem_type: problemType ?? undefined,
    method: method ?? undefined,
    hyperparameters: {
      ...(epochs !== null && { epochs }),
      ...(learningRate !== null && { learning_rate: learningRate }),
    },
    seed,
    data: {
      ...EMPTY_SPEC.data,
      train: [{ path: file.name, ...columnsOf(choices) }],
      eval: evaluation ? [{ path: pathOf(evaluation, file), ...columnsOf(choices) }] : [],
    },
  };
}

/** Two files of one name would be one. */
const pathOf = (evaluation: GivenFile, file: GivenFile): string =>
  evaluation.name === file.name ? `evaluation-${evaluation.name}` : evaluation.name;

const columnsOf = ({ textColumn, pairColumn, labelColumn }: Choices): Omit<DataFile, "path"> => ({
  ...(textColumn !== null && { textColumn }),
  ...(pairColumn !== null && { pairColumn }),
  ...(labelColumn !== null && { labelColumn }),
});

/** Settles a request. Throws what prepareTask throws. */
export function prepareRequest(
  request: TrainingRequest,
  base: Base,
  note: (line: string) => void,
): Promise<PreparedTask> {
  const { file, evaluation } = request;
  const texts = new Map([[file.name, file]]);
  if (evaluation) texts.set(pathOf(evaluation, file), evaluation);
  return prepareTask(specOf(request), base.manifest, tokenizerOf(base), {
    note,
    servingBuild,
    read: (files, kind) =>
      readFiles(files, kind, {
        find: (path) => path,
        read: async (path, options) => parseData(await readText(texts.get(path)!), path, options),
        strict: false,
        note,
      }),
    pretrained: (name) =>
      Promise.reject(new InputError("data-missing", `${name}: a page has no pretrained prefix`)),
  });
}

/** What a file holds, with the run that would be made of it; null where none can. */
export interface Looked {
  readonly look: Look;
  readonly prepared: PreparedTask | null;
}

/** Throws where the file cannot be read at all. */
export async function lookAt(request: TrainingRequest, base: Base): Promise<Looked> {
  const { file } = request;
  const notes: string[] = [];
  const start = startOfTable(await readText(file), formatOf(file.name));
  try {
    const prepared = await prepareRequest(request, base, (line) => notes.push(line));
    return { look: { start, prepared: shown(prepared, base), notes }, prepared };
  } catch (error) {
    return { look: { start, prepared: { failure: failureOf(error) }, notes }, prepared: null };
  }
}

/** Whether two requests ask for the same run of the same rows; a task's name changes neither. */
export function isSameRun(a: TrainingRequest, b: TrainingRequest): boolean {
  return (
    JSON.stringify(a.choices) === JSON.stringify(b.choices) &&
    isSameFile(a.file, b.file) &&
    isSameFile(a.evaluation, b.evaluation)
  );
}

const isSameFile = (a: GivenFile | null, b: GivenFile | null): boolean =>
  a === null || b === null
    ? a === b
    : a.name === b.name &&
      a.bytes.length === b.bytes.length &&
      a.bytes.every((byte, i) => byte === b.bytes[i]);

function shown(prepared: PreparedTask, { manifest }: Base): Prepared {
  const { type, problemType, labels, train, evaluation, folds, maxLength, summary } = prepared;
  const held = (folds ?? []).reduce((sum, fold) => sum + fold.held.length, 0);
  return {
    type,
    problemType,
    labels,
    rows: train.length,
    measured: {
      rows: folds ? held : evaluation.length,
      name: prepared.evaluationName,
      inFolds: folds !== null,
    },
    maxLength,
    summary,
    settings: shownSettings(prepared, manifest),
  };
}
