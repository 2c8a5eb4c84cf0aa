/**
 * The rows of a batch one behind the other: which tokens and which answers belong to which row. There is
 * no padding, so a batch has as many positions as its texts have tokens.
 */
import { InputError } from "../../core/errors.ts";
import { checkLowRanks, lowRankSize } from "./low-rank.ts";
import type { LowRankSize } from "./low-rank.ts";
import type { LowRank } from "../../core/model/low-rank.ts";
import type { Deltas, Prefix } from "../../core/model/prefix.ts";
import type { Queries, Row } from "../../core/model/rows.ts";
import type { Model } from "./model.ts";

/** A row and where its positions stand among those of all rows. */
export interface Text {
  readonly row: Row;
  readonly start: number;
  readonly length: number;
  /** The same for the positions that the last layer answers for. */
  readonly queryStart: number;
  readonly queries: number;
}

export interface Batch {
  readonly texts: readonly Text[];
  readonly tokens: number;
  readonly queries: number;
  /** Answers that a text has room for: 1, or the length of the longest. */
  readonly queryLength: number;
  /** Whether the last layer answers for fewer positions than there are. */
  readonly isNarrowed: boolean;
  /** Largest number of columns that a text's attention has, prefix and tokens. */
  readonly columns: number;
  /** One beyond the largest position. */
  readonly positions: number;
  /** Each once, however many rows have it; those without virtual tokens are left out. */
  readonly prefixes: readonly Prefix[];
  readonly deltas: readonly Deltas[];
  readonly lowRank: LowRankSize;
  /** Of all prefixes. */
  readonly virtualTokens: number;
}

/**
 * Puts rows together. Throws InputError `row-invalid` for one that does not fit the model, MismatchError
 * `prefix-base-mismatch` for low-rank changes of linears that it has not.
 */
export function batchOf(rows: readonly Row[], asked: Queries, model: Model): Batch {
  const texts: Text[] = [];
  const prefixes = new Set<Prefix>();
  const deltas = new Set<Deltas>();
  const lowRanks = new Set<LowRank>();
  let [tokens, queries, longest, columns, positions] = [0, 0, 1, 0, 0];
  for (const [b, row] of rows.entries()) {
    checkRow(`row ${b}`, row, model);
    const { prefix, positionOffset } = row;
    const { length } = row.ids;
    const own = asked === "first" ? Math.min(1, length) : length;
    texts.push({ row, start: tokens, length, queryStart: queries, queries: own });
    tokens += length;
    queries += own;
    longest = Math.max(longest, length);
    columns = Math.max(columns, prefix.numVirtualTokens + length);
    positions = Math.max(positions, model.firstPosition + positionOffset + length);
    if (prefix.numVirtualTokens > 0) prefixes.add(prefix);
    if (prefix.deltas) deltas.add(prefix.deltas);
    if (prefix.lowRank) lowRanks.add(prefix.lowRank);
  }
  if (lowRanks.size > 0) checkLowRanks(lowRanks, model);
  return {
    texts,
    tokens,
    queries,
    queryLength: asked === "first" ? 1 : longest,
    isNarrowed: queries < tokens,
    columns,
    positions,
    prefixes: [...prefixes],
    deltas: [...deltas],
    lowRank: lowRankSize([...lowRanks], model),
    virtualTokens: [...prefixes].reduce((sum, prefix) => sum + prefix.numVirtualTokens, 0),
  };
}

/** Kernels check nothing: every number that leads to an address is checked here. */
function checkRow(
  subject: string,
  { ids, typeIds, prefix, positionOffset }: Row,
  model: Model,
): void {
  const fail = (what: string): never => {
    throw new InputError("row-invalid", `${subject}: ${what}`);
  };
  const end = model.firstPosition + positionOffset + ids.length;
  if (!Number.isSafeInteger(positionOffset) || positionOffset < 0 || end > model.maxPositions) {
    fail(
      `${ids.length} tokens at offset ${positionOffset} end at position ${end}, the base has ${model.maxPositions}`,
    );
  }
  if (typeIds.length !== ids.length) fail(`${ids.length} tokens have ${typeIds.length} types`);
  const wrongId = ids.find((id) => !isBelow(id, model.words.rows));
  if (wrongId !== undefined) fail(`id ${wrongId} is beyond the ${model.words.rows} words`);
  const types = model.types?.rows ?? Infinity;
  const wrongType = typeIds.find((type) => !isBelow(type, types));
  if (wrongType !== undefined) fail(`type ${wrongType} is beyond the ${types} types`);
  const { numVirtualTokens: length, layers, deltas } = prefix;
  const size = model.kvHeads * length * model.headSize;
  if (
    layers.length !== model.layers.length ||
    layers.some(({ key, value }) => key.length !== size || value.length !== size)
  ) {
    fail(`its prefix of ${length} virtual tokens has not ${size} numbers for each of its layers`);
  }
  if (!deltas) return;
  const { biasDeltas, layerWeights } = deltas;
  if (biasDeltas.length !== model.numDeltas || layerWeights.length !== layers.length + 1) {
    fail(
      `its deltas have ${biasDeltas.length} and ${layerWeights.length} numbers, expected ${model.numDeltas} and ${layers.length + 1}`,
    );
  }
}

const isBelow = (id: number, end: number): boolean => id >= 0 && id < end;
