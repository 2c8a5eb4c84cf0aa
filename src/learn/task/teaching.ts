/** What a task says of its teacher: whose answers are learned, how, and on which texts without labels. */
import { InputError } from "../../core/errors.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Teaching } from "../data/features.ts";
import type { Example } from "../data/read.ts";
import { keyOfText } from "../data/split.ts";
import type { Objective } from "../methods.ts";
import type { DataFile, TaskSpec } from "./spec.ts";

/** How a teacher's answers are learned, and by whom they were given. */
export interface TeacherSettings extends Teaching {
  /** null until the teacher has answered. */
  readonly by: TeacherFacts | null;
}

export interface TeacherFacts {
  readonly name: string;
  /** `a task on minilm (int8)`, `a fine-tuned checkpoint (fp32)` */
  readonly what: string;
  /** Changes with anything that its answers depend on. */
  readonly identity: string;
}

/** Shares of 0.5 and 1 answered alike where they were compared (docs/training.md). */
const DEFAULTS: Teaching = { share: 0.5, temperature: 1 };

/** The settings of a teacher, null without one. Throws InputError `training-unsupported`. */
export function teacherOf(
  { teacher }: TaskSpec,
  {
    type,
    problemType,
    objective,
  }: { readonly type: TaskType; readonly problemType: ProblemType; readonly objective: Objective },
): TeacherSettings | null {
  if (teacher === undefined) return null;
  const obstacle =
    type === "token"
      ? "it teaches tasks that answer a whole text, and this one tags words"
      : problemType !== "single_label_classification"
        ? `it teaches tasks with one label a text, and this one is ${problemType}`
        : objective === "contrastive"
          ? `objective "contrastive" compares rows by their labels alone; allowed is "head"`
          : null;
  if (obstacle !== null) {
    throw new InputError("training-unsupported", `teacher "${teacher.path}": ${obstacle}`);
  }
  const { share = DEFAULTS.share, temperature = DEFAULTS.temperature } = teacher;
  return { share, temperature, by: null };
}

/** Reads files of texts without labels. */
export type UnlabelledReader = (files: readonly DataFile[]) => Promise<readonly Example[]>;

/** The texts without labels that a task names. Throws InputError `training-unsupported` without a teacher. */
export async function readUnlabelled(
  { teacher, data: { unlabelled = [] } }: TaskSpec,
  read: UnlabelledReader | undefined,
): Promise<readonly Example[]> {
  if (unlabelled.length === 0) return [];
  if (teacher === undefined || !read) {
    throw new InputError(
      "training-unsupported",
      `${unlabelled[0]!.path}: texts without labels need a teacher that answers them; name one with --teacher`,
    );
  }
  return read(unlabelled);
}

/** Each text once, without those of labelled rows: an evaluation text must not be learned. */
export function newTexts(
  texts: readonly Example[],
  labelled: readonly Example[],
  note: (line: string) => void,
): readonly Example[] {
  const known = new Set(labelled.map(keyOfText));
  const found = texts.filter((example) => {
    const key = keyOfText(example);
    return !known.has(key) && known.add(key);
  });
  const left = texts.length - found.length;
  if (left > 0) note(`unlabelled texts left out: ${left}, repeated or among the rows`);
  return found;
}
