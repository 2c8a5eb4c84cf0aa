/**
 * A loaded GPU graph as an encoder: rows are checked, since a GPU reads beyond a table without a
 * word, and batches are padded to a few shapes, since every new one may compile shaders.
 */
import { InputError, UnavailableError } from "../../../core/errors.ts";
import type { BaseConfiguration } from "../../../core/format/configuration.ts";
import type { Queries, Row, States } from "../../../core/model/rows.ts";
import { LAST_HIDDEN_STATE } from "../../../core/model/shapes.ts";
import { toFloat32 } from "../../../core/model/tensor.ts";
import type { Encoder } from "../../engine.ts";
import type { Session } from "../../session.ts";
import { collate } from "../feeds.ts";

/** Tokens and virtual tokens are padded to a multiple of this. */
const LENGTH_STEP = 16;

const padded = (length: number): number => Math.ceil(length / LENGTH_STEP) * LENGTH_STEP;

/** The encoder of a loaded graph; GPU memory cannot be asked for, so its size is not known. */
export function gpuEncoder(session: Session, configuration: BaseConfiguration): Encoder {
  return {
    loadedFrom: "weights",
    memoryBytes: () => 0,
    release: () => session.release(),
    async encode(rows, queries) {
      if (rows.some(({ prefix }) => prefix.lowRank)) throw noLowRank();
      for (const [b, row] of rows.entries()) checkRow(`row ${b}`, row, configuration);
      const tokens = longest(rows.map(({ ids }) => ids.length));
      const prefix = longest(rows.map((row) => row.prefix.numVirtualTokens));
      const least = { tokens: padded(tokens), prefix: padded(prefix) };
      const feeds = collate(rows, configuration, queries, least);
      const outputs = await session.run(feeds, [LAST_HIDDEN_STATE]);
      const states = outputs[LAST_HIDDEN_STATE]!;
      const dims = states.dims as States["dims"];
      return withoutPadding({ dims, values: toFloat32(states) }, queries, tokens);
    },
  };
}

/** A hundred products of a few columns each would be a hundred shaders for every batch. */
const noLowRank = (): UnavailableError =>
  new UnavailableError(
    "run-failed",
    "WebGPU: the task changes linears by products of low rank, which the GPU graph does not take; the other engine computes it",
  );

const longest = (lengths: readonly number[]): number => lengths.reduce((a, b) => Math.max(a, b), 0);

/** The states of the first `tokens` positions, which are all but the padding. */
function withoutPadding(states: States, queries: Queries, tokens: number): States {
  const [batch, length, hidden] = states.dims;
  if (queries === "first" || length === tokens) return states;
  const values = new Float32Array(batch * tokens * hidden);
  for (let b = 0; b < batch; b++) {
    const from = b * length * hidden;
    values.set(states.values.subarray(from, from + tokens * hidden), b * tokens * hidden);
  }
  return { dims: [batch, tokens, hidden], values };
}

/** Throws InputError `row-invalid` for a number that is no row of its table. */
function checkRow(
  subject: string,
  { ids, typeIds, positionOffset }: Row,
  { vocab_size, type_vocab_size, first_position, max_position_embeddings }: BaseConfiguration,
): void {
  const fail = (what: string): never => {
    throw new InputError("row-invalid", `${subject}: ${what}`);
  };
  const wrongId = ids.find((id) => id < 0 || id >= vocab_size);
  if (wrongId !== undefined) fail(`id ${wrongId} is beyond the ${vocab_size} words`);
  const types = type_vocab_size === 0 ? Infinity : type_vocab_size;
  const wrongType = typeIds.find((type) => type < 0 || type >= types);
  if (wrongType !== undefined) fail(`type ${wrongType} is beyond the ${types} types`);
  const end = first_position + positionOffset + ids.length;
  if (end > max_position_embeddings) {
    fail(
      `${ids.length} tokens at offset ${positionOffset} end at position ${end}, the base has ${max_position_embeddings}`,
    );
  }
}
