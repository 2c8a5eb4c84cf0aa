/**
 * Low-rank changes of the rows of a run: y = y + (x A^T) B behind each product of a matrix, for the
 * rows alone whose task has them. A batch without any has no part in this.
 */
import { checkLinears } from "../../core/model/low-rank.ts";
import type { LowRank } from "../../core/model/low-rank.ts";
import type { Row } from "../../core/model/rows.ts";
import type { Heap } from "./heap.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { Matrix, ModelShape } from "./model.ts";
import { isPadded, lengthOf, numbersOf, piecesOf, repeated } from "./padding.ts";
import type { Axis } from "./padding.ts";

/** What the low-rank changes of a batch take. */
export interface LowRankSize {
  /** Each once. */
  readonly changes: readonly LowRank[];
  /** Numbers of all factors of one matrix, of the matrix that has most. */
  readonly factors: number;
  /** Ranks of one change of a matrix, its linears together, of the one that has most. */
  readonly ranks: number;
}

type Layers = Pick<ModelShape, "layers">;

const matricesOf = ({ layers }: Layers): Matrix[] =>
  layers.flatMap(({ project, output, widen, narrow }) => [project, output, widen, narrow]);

/** Throws MismatchError `prefix-base-mismatch` for a change of a linear that the model has not. */
export function checkLowRanks(changes: Iterable<LowRank>, model: Layers): void {
  const sizes = new Map(
    matricesOf(model).flatMap(({ linears }) =>
      linears.map(({ name, inputs, outputs }) => {
        return [name, { inputs: numbersOf(inputs), outputs: numbersOf(outputs) }] as const;
      }),
    ),
  );
  for (const change of changes) checkLinears(change, sizes);
}

/** What checked changes take in the memory of a run. */
export function lowRankSize(changes: readonly LowRank[], model: Layers): LowRankSize {
  if (changes.length === 0) return { changes, factors: 0, ranks: 0 };
  let [factors, ranks] = [0, 0];
  for (const { linears } of matricesOf(model)) {
    let numbers = 0;
    for (const change of changes) {
      let own = 0;
      for (const { name, inputs, outputs } of linears) {
        const rank = change.get(name)?.rank ?? 0;
        numbers += rank * (lengthOf(inputs) + lengthOf(outputs));
        own += rank;
      }
      ranks = Math.max(ranks, own);
    }
    factors = Math.max(factors, numbers);
  }
  return { changes, factors, ranks };
}

/** Rows of a product that have the same change. */
interface Span {
  readonly change: LowRank;
  /** Counted from the first row of the product. */
  readonly first: number;
  readonly rows: number;
}

/** Texts among the rows from..to of a stream, `rowsOf` telling where each text stands in it. */
export function spansOf<T extends { readonly row: Row }>(
  texts: readonly T[],
  rowsOf: (text: T) => { readonly first: number; readonly rows: number },
  from: number,
  to: number,
): Span[] {
  const spans: Span[] = [];
  for (const text of texts) {
    const change = text.row.prefix.lowRank;
    if (!change) continue;
    const { first, rows } = rowsOf(text);
    const [begin, end] = [Math.max(first, from), Math.min(first + rows, to)];
    if (begin >= end) continue;
    const last = spans.at(-1);
    if (last?.change === change && last.first + last.rows === begin - from) {
      spans.splice(-1, 1, { ...last, rows: last.rows + end - begin });
    } else {
      spans.push({ change, first: begin - from, rows: end - begin });
    }
  }
  return spans;
}

/** Arrays of a run (frame.ts). */
interface LowRankPlaces {
  readonly factors: number;
  readonly reduced: number;
}

interface Place {
  readonly rank: number;
  readonly a: number;
  readonly b: number;
}

/** The changes of one run. */
export class LowRankChanges {
  readonly #k: Pick<Kernels, "reduceRank" | "addByRank">;
  readonly #heap: Heap;
  readonly #size: LowRankSize;
  readonly #frame: LowRankPlaces;
  /** The matrix whose factors are in the memory, and where they are. */
  #matrix: Matrix | null = null;
  #places = new Map<LowRank, ReadonlyMap<string, Place>>();

  constructor(
    kernels: Pick<Kernels, "reduceRank" | "addByRank">,
    heap: Heap,
    size: LowRankSize,
    frame: LowRankPlaces,
  ) {
    this.#k = kernels;
    this.#heap = heap;
    this.#size = size;
    this.#frame = frame;
  }

  /** x A^T of all spans, which is kept: the product that follows may use the place of x. */
  reduce(matrix: Matrix, spans: readonly Span[], x: number, stride: number): void {
    this.#place(matrix);
    for (const { change, first, rows } of spans) {
      let out = this.#reducedOf(first);
      for (const { rank, a } of this.#places.get(change)!.values()) {
        this.#k.reduceRank(rows, matrix.inputs, rank, x + first * stride, stride, a, out);
        out += 4 * rows * rank;
      }
    }
  }

  /** Adds (x A^T) B to the columns from..end of what has been computed. */
  add(
    { linears }: Matrix,
    spans: readonly Span[],
    [from, end]: readonly [number, number],
    out: number,
    stride: number,
  ): void {
    for (const { change, first, rows } of spans) {
      let reduced = this.#reducedOf(first);
      const places = this.#places.get(change)!;
      for (const { name, from: start, width } of linears) {
        const place = places.get(name);
        if (!place) continue;
        const { rank, b } = place;
        const [begin, stop] = [Math.max(start, from), Math.min(start + width, end)];
        if (begin < stop) {
          this.#k.addByRank(
            ...([rows, stop - begin, rank, reduced] as const),
            ...([b + 4 * (begin - start), 4 * width] as const),
            ...([out + first * stride + 4 * begin, stride] as const),
          );
        }
        reduced += 4 * rows * rank;
      }
    }
  }

  #reducedOf(row: number): number {
    return this.#frame.reduced + 4 * row * this.#size.ranks;
  }

  /** Writes the factors of a matrix, unless they are those that are there. */
  #place(matrix: Matrix): void {
    if (this.#matrix === matrix) return;
    this.#matrix = matrix;
    let at = this.#frame.factors;
    const write = (values: Float32Array, rank: number, axis: Axis): number => {
      const rows = repeated(axis, rank);
      const start = at;
      const floats = this.#heap.floats(start, lengthOf(rows));
      if (isPadded(rows)) floats.fill(0);
      for (const { from, to, count } of piecesOf(rows)) {
        floats.set(values.subarray(from, from + count), to);
      }
      at += floats.byteLength;
      return start;
    };
    this.#places = new Map(
      this.#size.changes.map((change) => [
        change,
        new Map(
          matrix.linears.flatMap(({ name, inputs, outputs }) => {
            const factors = change.get(name);
            if (!factors) return [];
            const { rank, a, b } = factors;
            return [
              [name, { rank, a: write(a, rank, inputs), b: write(b, rank, outputs) }] as const,
            ];
          }),
        ),
      ]),
    );
  }
}
