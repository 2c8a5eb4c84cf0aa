/**
 * start.json: the source of a start, as task.json is that of a task. It names the tasks that the prefix is
 * pretrained on and the settings, so that `pretrain START_DIR` makes the same start again.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { readRecord } from "../../../src/core/record.ts";
import { parseJson } from "../../../src/core/text.ts";
import { TRAIN_GRAPHS } from "../../../src/learn/graph/choice.ts";
import { SHARED_METHODS } from "../../../src/learn/task/pretrained.ts";
import { readHyperparameters } from "../../../src/learn/task/spec.ts";
import { pathSeenFrom } from "../out-folder.ts";
import { settledInit } from "../task/start-folder.ts";
import type { PretrainRequest } from "./settle.ts";

export const START_JSON = "start.json";

/** What is asked of `pretrain`; what is undefined is chosen. */
export type StartSettings = {
  readonly [K in keyof PretrainRequest]?: PretrainRequest[K] | undefined;
};

export interface StartSpec extends StartSettings {
  /** The task folders, as they are seen from the start's folder; an absolute path stands for itself. */
  readonly tasks: readonly string[];
  /** Name of the base; undefined: the one that the tasks name. */
  readonly base: string | undefined;
  readonly terms: Terms;
}

/** For a start that is passed on: under which licence, and what its card says of that. */
export interface Terms {
  readonly licence?: string | undefined;
  readonly notice?: string | undefined;
}

export const isStartFolder = (dir: string): boolean => existsSync(join(dir, START_JSON));

/** The start.json of a folder. Throws FormatError `start-json-invalid` or `json-invalid`. */
export async function readStartSpec(dir: string): Promise<StartSpec> {
  const path = join(dir, START_JSON);
  const code = "start-json-invalid";
  const r = readRecord(parseJson(await readFile(path), path), path, code);
  const optional = <T>(field: string, read: () => T): T | undefined =>
    r.has(field) ? read() : undefined;
  const tasks = r.list("tasks", 1000, (item) =>
    typeof item === "string" ? item : r.fail(`"tasks" holds ${typeof item}, expected folders`),
  );
  if (tasks.length === 0) r.fail(`"tasks" is empty, expected a task folder, or several`);
  const hyperparameters = r.has("hyperparameters")
    ? readHyperparameters(r.record("hyperparameters"))
    : {};
  for (const field of ["steps", "average"] as const) {
    if (hyperparameters[field] === undefined) continue;
    r.fail(`"hyperparameters" holds "${field}", which pretrain has not; it is for train`);
  }
  return {
    tasks,
    base: optional("base", () => r.string("base")),
    terms: {
      licence: optional("licence", () => r.string("licence")),
      notice: optional("notice", () => r.string("notice")),
    },
    method: optional("method", () => r.oneOf("method", SHARED_METHODS)),
    numVirtualTokens: optional("num_virtual_tokens", () => r.count("num_virtual_tokens", 1, 1024)),
    alpha: optional("alpha", () => r.number("alpha", 0, 1)),
    maxRows: optional("max_rows", () => r.count("max_rows", 1, Number.MAX_SAFE_INTEGER)),
    init: optional("init", () => settledInit(r.string("init"), dir)),
    trainGraph: optional("train_graph", () => r.oneOf("train_graph", TRAIN_GRAPHS)),
    hyperparameters,
    seed: optional("seed", () => r.count("seed", 0, Number.MAX_SAFE_INTEGER)),
  };
}

/** The text of the start.json in `out`. */
export function writeStartSpec(
  out: string,
  taskDirs: readonly string[],
  base: string,
  request: PretrainRequest & { readonly terms: Terms },
): string {
  const json = {
    base,
    tasks: taskDirs.map((dir) => relative(resolve(out), resolve(dir))),
    method: request.method,
    num_virtual_tokens: request.numVirtualTokens,
    alpha: request.alpha,
    max_rows: request.maxRows,
    train_graph: request.trainGraph,
    init: request.init === undefined ? undefined : pathSeenFrom(out, request.init),
    hyperparameters: request.hyperparameters,
    seed: request.seed,
    ...request.terms,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
