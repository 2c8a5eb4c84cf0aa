/** The settings of a run for people, each with the reason where it was chosen for the data. */
import type { PreparedTask } from "./prepare.ts";

export interface ShownSetting {
  /** The value with its name: `16 virtual tokens`. */
  readonly text: string;
  /** null where it was asked for, or is the same for all data. */
  readonly reason: string | null;
  /** What follows: ` on pocket (int8)`. */
  readonly more?: string;
}

/** Method first, seed last. */
export function shownSettings(
  prepared: PreparedTask,
  base: { readonly name: string; readonly dtype: string },
): ShownSetting[] {
  const { method, objective, numVirtualTokens, pooling, maxLength, hyperparameters: h } = prepared;
  const setting = (text: string, name: string): ShownSetting => ({
    text,
    reason: prepared.reasons[name] ?? null,
  });
  const length =
    h.steps === undefined
      ? [
          setting(h.epochs === 1 ? "1 epoch" : `${h.epochs} epochs`, "epochs"),
          setting(
            h.patience > 0
              ? `stopping after ${h.patience} without a better score`
              : "no early stop",
            "patience",
          ),
        ]
      : [setting(`${h.steps.toLocaleString("en")} steps`, "steps")];
  const averaged =
    h.average === undefined || h.average === 1
      ? []
      : [setting(`mean of ${h.average} such runs`, "average")];
  const kind = objective === "contrastive" ? ", contrastive" : "";
  return [
    { ...setting(method, "method"), more: `${kind} on ${base.name} (${base.dtype})` },
    ...(numVirtualTokens > 0
      ? [setting(`${numVirtualTokens} virtual tokens`, "num_virtual_tokens")]
      : []),
    ...(pooling === "none" ? [] : [setting(`pooling ${pooling}`, "pooling")]),
    setting(`windows of ${maxLength} tokens`, "max_length"),
    setting(`lr ${h.learning_rate}`, "learning_rate"),
    ...length,
    ...averaged,
    setting(`batches of ${h.batch_size}`, "batch_size"),
    setting(`trained in ${prepared.trainGraph}`, "train_graph"),
    { text: `seed ${prepared.seed}`, reason: null },
  ];
}
