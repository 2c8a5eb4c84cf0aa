/** Everything that card, report and record of a finished distillation say. */
import type { Base } from "../../../src/encoder/base.ts";
import type { Course } from "../../report/course.ts";
import type { Corpus } from "./corpus.ts";
import type { DistillResult, DistillSettings } from "./run.ts";

export interface DistillFacts {
  readonly student: Base;
  readonly teacher: Base;
  readonly corpus: Corpus;
  /** Where the texts of each file are from, with the licence; as many as were stated. */
  readonly sources: readonly string[];
  readonly settings: DistillSettings;
  readonly result: DistillResult;
  readonly seconds: number;
  /** Losses from step to step. */
  readonly course: Course;
}
