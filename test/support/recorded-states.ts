/** States of the bundled base by our own kernels, the same bits on every host: what is run, and their hash. */
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { Encoder } from "../../src/engine/engine.ts";
import { encodeRows, randomDeltas, randomPrefix } from "./encode.ts";

export const STATE_TEXTS = [
  "a great film",
  "Angela Merkel visited Paris, and the story was long and very dull but the acting was fine.",
  "The Treaty of Versailles was the most important of the peace treaties that ended World War I.",
  "where is my card? i ordered it two weeks ago",
  "x",
];

/**
 * SHA-256 of `recordedStates`. It changes only with the arithmetic of a kernel; what was recorded on the
 * engine is then recorded anew.
 */
export const STATES_SHA256 = "e6687a4ffe5be16d74fc6c99676992c78c37a88c1a826a601bcbf59fa1fa2ef3";

/** All states, one after the other: of each text, and of one with a prefix and deltas. */
export async function recordedStates(
  base: Pick<Base, "manifest">,
  encoder: Encoder,
  tokenizer: Pick<Tokenizer, "encode">,
): Promise<Uint8Array<ArrayBuffer>> {
  const rows = STATE_TEXTS.map((text) => ({ ids: [...tokenizer.encode(text).ids] }));
  const prefix = { ...randomPrefix(base, 8, 1), deltas: randomDeltas(base, 1) };
  const states = await encodeRows(base, encoder, [...rows, { ids: rows[1]!.ids, prefix }]);
  const whole = new Uint8Array(states.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const each of states) {
    whole.set(new Uint8Array(each.buffer, each.byteOffset, each.byteLength), at);
    at += each.byteLength;
  }
  return whole;
}
