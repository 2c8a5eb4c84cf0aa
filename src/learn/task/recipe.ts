/**
 * What is trained, and by which loss, where the request leaves it open: few rows and many want different
 * things (docs/few-rows.md has the measurements).
 */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Method, Objective } from "../methods.ts";
import type { TaskSpec } from "./spec.ts";

export interface Recipe {
  readonly method: Method;
  readonly objective: Objective;
  /** Whether there are so few rows that none is set aside for evaluation. */
  readonly hasFewRows: boolean;
  /** Why it was chosen, by setting; nothing for what was asked for. */
  readonly reasons: Readonly<Record<string, string>>;
}

export interface RecipeShape {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  readonly rows: number;
  readonly numLabels: number;
}

/** Rows a label up to which a head that is trained by steps stays behind. */
const FEW_ROWS_A_LABEL = 64;
/** Of tags, and of numbers: rows in all. */
const FEW_ROWS = 200;
/** By one and a half to two points on three sets (docs/accuracy.md). */
const FOR_TAGS = "tags gain by the biases";

export function chooseRecipe(shape: RecipeShape, spec: TaskSpec): Recipe {
  const { objective } = spec;
  const { type, problemType, rows, numLabels } = shape;
  const withPrefix = type === "token" ? "prefix-bias" : "prefix";
  const method = spec.method ?? (spec.num_virtual_tokens === undefined ? undefined : withPrefix);
  const hasClasses = type === "sequence" && problemType !== "regression";
  const most = hasClasses ? FEW_ROWS_A_LABEL * numLabels : FEW_ROWS;
  const hasFewRows = rows <= most;
  const number = (value: number): string => value.toLocaleString("en");
  const few = hasClasses
    ? `${number(rows)} rows for ${numLabels} labels are few`
    : `${number(rows)} rows are few`;
  // A contrastive run compares rows by their labels; a teacher's answers are learned by a head.
  const isContrastive =
    hasClasses && hasFewRows && method === undefined && spec.teacher === undefined;
  const chosen = {
    method: method ?? (hasFewRows || objective === "contrastive" ? "bias" : withPrefix),
    objective: objective ?? (isContrastive ? "contrastive" : "head"),
  } as const;
  return {
    ...chosen,
    hasFewRows,
    reasons: {
      ...(method === undefined && hasFewRows && { method: few }),
      ...(method === undefined && !hasFewRows && type === "token" && { method: FOR_TAGS }),
      ...(objective === undefined && isContrastive && { objective: few }),
    },
  };
}
