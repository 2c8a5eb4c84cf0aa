/**
 * What the page asks, as a path and a body: the very request that is sent is the one that is shown as
 * code. One task is asked by its own route; several share one call, and so one run.
 */

/** One task's question about the text. */
export interface Ask {
  readonly task: string;
  readonly type: "sequence" | "token";
  /** It compares two texts. */
  readonly takesPair: boolean;
}

/** A text, and the second one of a pair; empty where there is none. */
export interface Texts {
  readonly text: string;
  readonly pair: string;
}

export interface PredictCall {
  readonly path: string;
  readonly body: unknown;
}

/** The inputs that a task gets: the second text only where it compares two. */
export const inputsOf = ({ takesPair }: Pick<Ask, "takesPair">, { text, pair }: Texts) =>
  takesPair && pair !== "" ? { text, text_pair: pair } : text;

/** The request that asks the tasks about the texts. */
export function callOf(asks: readonly Ask[], texts: Texts): PredictCall {
  const [only] = asks;
  if (asks.length === 1 && only) {
    return { path: `/v1/tasks/${only.task}/predict`, body: { inputs: inputsOf(only, texts) } };
  }
  const items = asks.map((ask) => ({ task: ask.task, inputs: inputsOf(ask, texts) }));
  return { path: "/v1/predict", body: { items } };
}
