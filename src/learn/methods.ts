/**
 * The methods: what is trained besides a task's head. All methods share data, loop, evaluation and
 * report. They differ in the trained tensors, and so in the inputs of the training graph.
 */
/**
 * - prefix: past keys and values of every layer (P-Tuning v2, arXiv 2110.07602)
 * - prefix-projection: the same, out of a small network that is folded away (prefix tuning, 2101.00190)
 * - prompt: input embeddings only (prompt tuning, 2104.08691); for comparison, cannot be served
 * - linear: the head alone
 * - bias: biases and LayerNorm weights (BitFit, 2106.10199), and the layers' shares in the answer
 * - prefix-bias: prefix and bias together
 * - full: every weight (fine-tuning); for comparison, makes a checkpoint instead of a task
 */
export type Method =
  "prefix" | "prefix-projection" | "prompt" | "linear" | "bias" | "prefix-bias" | "full";

/** The parts of a model that a method trains. */
export interface TrainedParts {
  readonly prefix: "none" | "direct" | "projection";
  readonly prompt: boolean;
  readonly deltas: boolean;
  readonly weights: boolean;
}

interface MethodFacts extends TrainedParts {
  /** Whether the result is a task that a frozen base serves. */
  readonly isServed: boolean;
  readonly learningRate: number;
  readonly prefixDropout: number;
}

/**
 * What the loss is computed from:
 * - head: the logits of a head that is trained too
 * - contrastive: how near rows of one label are (graph/contrastive.ts); the head is fitted afterwards
 */
export const OBJECTIVES = ["head", "contrastive"] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** How a run goes: named as in task.json. */
export interface Hyperparameters {
  readonly learning_rate: number;
  readonly epochs: number;
  /** Where it is given, the run is one epoch of this many steps, over the rows as often as that takes. */
  readonly steps?: number;
  readonly batch_size: number;
  readonly weight_decay: number;
  /** Share of all steps over which the learning rate rises. */
  readonly warmup_ratio: number;
  /** Share of prefix elements set to 0 in each step. */
  readonly prefix_dropout: number;
  readonly max_grad_norm: number;
  /** Epochs without a better score after which training stops; 0 never stops early. */
  readonly patience: number;
  /**
   * Where it is given, so many runs of these epochs are made from the same start, with other orders of the
   * rows, and the mean of their parameters is the result.
   */
  readonly average?: number;
}

/** Epochs of all runs. */
export const allEpochs = ({ epochs, average = 1 }: Hyperparameters): number => epochs * average;

const nothing = { prefix: "none", prompt: false, deltas: false, weights: false } as const;
const served = { isServed: true, prefixDropout: 0 } as const;

const FACTS: Readonly<Record<Method, MethodFacts>> = {
  prefix: { ...nothing, ...served, prefix: "direct", learningRate: 1e-2 },
  "prefix-projection": { ...nothing, ...served, prefix: "projection", learningRate: 1e-3 },
  prompt: { ...nothing, ...served, prompt: true, isServed: false, learningRate: 1e-2 },
  linear: { ...nothing, ...served, learningRate: 5e-3 },
  bias: { ...nothing, ...served, deltas: true, learningRate: 3e-3 },
  "prefix-bias": {
    ...nothing,
    ...served,
    prefix: "direct",
    deltas: true,
    learningRate: 1e-2,
  },
  full: { ...nothing, ...served, weights: true, isServed: false, learningRate: 1e-4 },
};

export const METHODS = Object.keys(FACTS) as readonly Method[];

export const partsOf = (method: Method): TrainedParts => FACTS[method];
export const isServed = (method: Method): boolean => FACTS[method].isServed;

/** Whether the method has virtual tokens: past keys and values, or input embeddings. */
export const hasVirtualTokens = (method: Method): boolean =>
  FACTS[method].prefix !== "none" || FACTS[method].prompt;

/** A method's own defaults; what depends on the data is chosen by learn/task/defaults.ts. */
export const methodDefaults = (
  method: Method,
): Pick<Hyperparameters, "learning_rate" | "prefix_dropout"> => ({
  learning_rate: FACTS[method].learningRate,
  prefix_dropout: FACTS[method].prefixDropout,
});
