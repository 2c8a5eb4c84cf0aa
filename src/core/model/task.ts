/**
 * What a task adds to the encoder, and the settings by which its answers are made. The manifest on
 * disk (core/format) has these settings and more; they are spelled here as there.
 */
import type { Head, Pooling } from "./head.ts";
import type { Prefix } from "./prefix.ts";

export type TaskType = "sequence" | "token";
export const PROBLEM_TYPES = [
  "single_label_classification",
  "multi_label_classification",
  "regression",
] as const;
export type ProblemType = (typeof PROBLEM_TYPES)[number];

/** The settings of a task that decide its answers. */
export interface TaskSettings {
  readonly type: TaskType;
  readonly problem_type: ProblemType;
  readonly labels: readonly string[];
  readonly num_virtual_tokens: number; // P
  /** Added to every token's position id: P for PEFT's prefixes, 0 for our own. */
  readonly position_offset: number;
  readonly pooling: Pooling;
  /** Longest input in tokens, special tokens included. */
  readonly max_length: number;
  /** Calibration: probabilities are made of logits / temperature. */
  readonly temperature: number;
  /**
   * Of a multi-label task, one a label: the probability from which on the label is part of the
   * answer. null where none were chosen: then every label is answered and the client decides.
   */
  readonly thresholds: readonly number[] | null;
  /** How a text is answered that fits no label; null: each text gets one of the labels. */
  readonly other: OtherLabel | null;
}

/**
 * The label of texts that fit none. Its probability is 1 / (1 + exp((familiarity - similarity) / spread)),
 * with the familiarity of prototypes.ts; the other labels share the rest.
 */
export interface OtherLabel {
  readonly label: string;
  /** The cosine at which a text is as likely other as not. */
  readonly similarity: number;
  /** Over which width of cosines the probability changes. */
  readonly spread: number;
}

/** A task as the model reads it. */
export interface TaskParts {
  readonly manifest: TaskSettings;
  readonly prefix: Prefix;
  readonly head: Head;
}
