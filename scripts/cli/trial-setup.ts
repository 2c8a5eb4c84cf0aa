/** What `compare` and `sweep` share: `train`'s options for task and data, and the open base. */
import { BUNDLED_BASE, baseFolder, bundledBaseDir } from "../base/names.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { FairOptions } from "../runs/trial/rows.ts";
import type { Runtimes } from "../../src/learn/task/runtimes.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import type { Io, Options } from "./command.ts";
import { TRAIN_OPTIONS, isTaskFolder, readRequest } from "./train-request.ts";
import type { TrainValues } from "./train-request.ts";

const {
  // Chosen by the verb itself, or of no use where many runs are made.
  method: _method,
  seed: _seed,
  resume: _resume,
  overwrite: _overwrite,
  report: _report,
  "skip-start-score": _skip,
  teacher: _teacher,
  "teacher-base": _base,
  "teacher-share": _share,
  "teacher-temperature": _temperature,
  unlabelled: _unlabelled,
  ...shared
} = TRAIN_OPTIONS;

export const TRIAL_OPTIONS = shared satisfies Options;

/** The rest, as readRequest wants it. */
const NONE = {
  method: undefined,
  seed: undefined,
  resume: undefined,
  overwrite: undefined,
  report: undefined,
  "skip-start-score": undefined,
  teacher: undefined,
  "teacher-base": undefined,
  "teacher-share": undefined,
  "teacher-temperature": undefined,
  unlabelled: undefined,
};

export interface TrialSetup {
  readonly spec: TaskSpec;
  readonly name: string;
  readonly out: string;
  readonly base: Base;
  readonly runtimes: Runtimes;
  readonly fair: FairOptions;
}

/** Reads the request as `train` would, and opens its base. */
export async function openTrials(
  values: Omit<TrainValues, keyof typeof NONE>,
  positionals: readonly string[],
  io: Io,
): Promise<TrialSetup> {
  const request = await readRequest({ ...values, ...NONE }, positionals);
  const { spec, name, out } = request;
  const { openBase } = await import("../base/open-base.ts");
  const { tokenizerOf } = await import("../../src/encoder/loaded-base.ts");
  const { readBaseFolder } = await import("../base/base-folder.ts");
  const { createNodeSession } = await import("../node/runtime-node.ts");
  const base = await readBaseFolder(
    baseFolder(values.base) ?? (spec.base === undefined ? BUNDLED_BASE : bundledBaseDir(spec.base)),
  );
  const fair = {
    base: base.manifest,
    tokenizer: tokenizerOf(base),
    folders: [
      ...(values["data-dir"] === undefined ? [] : [values["data-dir"]]),
      positionals[0] !== undefined && isTaskFolder(positionals[0]) ? positionals[0] : ".",
    ],
    strict: values.strict === true,
    note: (line: string) => io.err(line),
  };
  const { NODE_HOST } = await import("../runs/task/host.ts");
  const runtimes = { ...NODE_HOST, createSession: createNodeSession, openBase };
  return { spec, name, out, base, runtimes, fair };
}
