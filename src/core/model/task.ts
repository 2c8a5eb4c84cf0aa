/**
 * What a task adds to the encoder, and the settings by which its answers are made. The manifest on
 * disk (core/format) has these settings and more; they are spelled here as there.
 */
import type { Head, Pooling } from "./head.ts";
import type { Prefix } from "./prefix.ts";

export type TaskType = "sequence" | "token";
export type ProblemType =
  "single_label_classification" | "multi_label_classification" | "regression";

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
}

/** A task as the model reads it. */
export interface TaskParts {
  readonly manifest: TaskSettings;
  readonly prefix: Prefix;
  readonly head: Head;
}
