/**
 * What transformers' models of each family have, as far as an adapter depends on it: read from
 * modeling_*.py of transformers 4.57.6 and 5.23.0, and tried with PEFT 0.21.2.
 */
import type { TaskType } from "../../src/core/model/task.ts";

export interface HubModel {
  /** The encoder's name in a model with a head, with which its tensors' names begin. */
  readonly encoder: string;
  /** Where PEFT can give the encoder past keys and values: also below a head, or only bare. */
  readonly takesPast: "always" | "bare" | "never";
  /** Types of tasks whose `classifier` is one linear: behind the pooler (sequence), or each token. */
  readonly heads: readonly TaskType[];
}

export const HUB_MODELS: Readonly<Record<string, HubModel>> = {
  bert: { encoder: "bert", takesPast: "always", heads: ["sequence", "token"] },
  distilbert: { encoder: "distilbert", takesPast: "never", heads: ["token"] },
  electra: { encoder: "electra", takesPast: "always", heads: ["token"] },
  eurobert: { encoder: "model", takesPast: "bare", heads: ["token"] },
  modernbert: { encoder: "model", takesPast: "never", heads: [] },
  roberta: { encoder: "roberta", takesPast: "always", heads: ["token"] },
  "xlm-roberta": { encoder: "roberta", takesPast: "always", heads: ["token"] },
};
