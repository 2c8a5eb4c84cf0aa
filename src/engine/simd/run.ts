/**
 * One batch through the encoder: embeddings, layers, answers. A generator that stops between layers,
 * where its caller may do something else, or leave.
 */
import type { States } from "../../core/model/rows.ts";
import type { Angles } from "./angles.ts";
import type { Batch, Text } from "./batch.ts";
import { placeFrame } from "./frame.ts";
import type { Frame, Stream } from "./frame.ts";
import type { Heap } from "./heap.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { Layer, Matrix, Model, Norm, Table } from "./model.ts";
import { LowRankChanges, spansOf } from "./low-rank.ts";
import { Past } from "./past.ts";
import { readStates, writeChangedVectors, writeRows } from "./rows.ts";

/** What a run works with. */
export interface Machine {
  readonly kernels: Kernels;
  readonly heap: Heap;
  readonly model: Model;
  readonly angles: Angles;
}

/** Runs a batch with arrays on top of the heap, which are the caller's to give back. */
export function* runBatch(machine: Machine, batch: Batch): Generator<void, States> {
  const run = new BatchRun(machine, batch);
  run.embed();
  for (const layer of machine.model.layers.keys()) {
    yield;
    run.layer(layer);
  }
  return run.states();
}

/** Which columns of a matrix are computed, and where they go. */
interface Product {
  readonly from?: number;
  readonly end?: number;
  /** The rows that were quantized, float32, which low-rank changes read, and bytes from one to the next. */
  readonly x: number;
  readonly xStride: number;
  /** Where the rows begin among those of the stream. */
  readonly first?: number;
  /** Added to them: float32, rows as wide as those of `out`. */
  readonly residual?: number;
  readonly out: number;
  /** Bytes from one row of `out` to the next. */
  readonly stride: number;
}

class BatchRun {
  readonly #k: Kernels;
  readonly #heap: Heap;
  readonly #model: Model;
  readonly #batch: Batch;
  readonly #frame: Frame;
  readonly #past: Past;
  readonly #lowRank: LowRankChanges | null;
  /** All positions; in the last layer those that are answered. */
  #stream: Stream;

  constructor({ kernels, heap, model, angles }: Machine, batch: Batch) {
    this.#k = kernels;
    this.#heap = heap;
    this.#model = model;
    this.#batch = batch;
    this.#frame = placeFrame(model, batch, heap);
    this.#stream = this.#frame.all;
    this.#past = new Past(heap, model, batch.prefixes, this.#frame.past);
    const { lowRank } = batch;
    this.#lowRank =
      lowRank.ranks > 0 ? new LowRankChanges(kernels, heap, lowRank, this.#frame) : null;
    let { angles: at } = this.#frame;
    for (const theta of model.thetas) {
      const table = angles.of(theta, batch.positions);
      heap.floats(at, table.length).set(table);
      at += table.byteLength;
    }
    const changed = writeChangedVectors(kernels, heap, model, batch, this.#frame);
    writeRows(heap, model, batch, this.#frame, changed);
  }

  /** Embeddings, quantized for the first layer. */
  embed(): void {
    const { embeddingsNorm, embeddingsProjection, layers } = this.#model;
    const { x } = this.#stream;
    const { baseVectors, y } = this.#frame;
    if (embeddingsProjection) {
      this.#lookUp(y);
      this.#projectEmbeddings(embeddingsProjection, embeddingsNorm);
      this.#enter(layers[0], null, baseVectors);
    } else {
      this.#lookUp(x);
      this.#enter(layers[0], embeddingsNorm, baseVectors);
    }
    this.#mix(0);
  }

  /** Sum of the tables' rows: float32 [M, E]. */
  #lookUp(out: number): void {
    const { widths, words, types, positions } = this.#model;
    const { rows, positions: positionIds } = this.#stream;
    const { ids, types: typeIds } = this.#frame;
    const lookUp = (table: Table | null, at: number, adds: 0 | 1): void => {
      if (!table) return;
      const { values, form, scales } = table;
      this.#k.lookUp(rows, widths.embeddings, at, values, form, scales, adds, out);
    };
    lookUp(words, ids, 0);
    lookUp(types, typeIds, 1);
    lookUp(positions, positionIds, 1);
  }

  /** Embeddings in y, normed and widened: x. */
  #projectEmbeddings(projection: Matrix, norm: Norm | null): void {
    const { embeddings, hidden } = this.#model.widths;
    const { rows, x, quantized, scale } = this.#stream;
    const { y, baseVectors } = this.#frame;
    if (norm) this.#norm(norm, y, y, baseVectors, null);
    this.#k.quantizeRows(rows, embeddings, y, 0, quantized, scale);
    const base = { ...this.#stream, vectors: baseVectors };
    const input = { x: y, xStride: 4 * embeddings };
    this.#multiply(projection, base, { ...input, out: x, stride: 4 * hidden });
  }

  layer(index: number): void {
    const { layers } = this.#model;
    const layer = layers[index]!;
    if (layer.inputNorm) this.#normInput(layer.inputNorm, layer.projectScale);
    this.#project(layer, index === layers.length - 1);
    this.#attend(layer, index);
    this.#addAttended(layer);
    this.#feedForward(layer);
    this.#enter(layers[index + 1], layer.outputNorm, this.#stream.vectors);
    this.#mix(index + 1);
  }

  /** The states of every text, copied. */
  states(): States {
    const { finalNorm, widths } = this.#model;
    const { mixed, baseVectors } = this.#frame;
    const { x } = this.#stream;
    if (mixed) {
      for (const { row, queryStart, queries: own } of this.#batch.texts) {
        if (!row.prefix.deltas)
          this.#copyRows(x, mixed, 4 * widths.hidden, queryStart, queryStart, own);
      }
    }
    if (finalNorm) this.#norm(finalNorm, mixed, mixed, baseVectors, null);
    return readStates(this.#heap, this.#model, this.#batch, mixed || x);
  }

  /** Norms x, where there is a norm, and quantizes it for a layer that reads it as it is. */
  #enter(next: Layer | undefined, norm: Norm | null, vectors: number): void {
    const { x } = this.#stream;
    const inputScale = next?.inputNorm === null ? next.projectScale : null;
    if (norm) this.#norm(norm, x, x, vectors, inputScale);
    else if (inputScale !== null) this.#quantize(inputScale);
  }

  /** What a pre-norm layer reads. */
  #normInput(norm: Norm, inputScale: number): void {
    const { x, vectors } = this.#stream;
    this.#norm(norm, x, this.#frame.y, vectors, inputScale);
  }

  #quantize(inputScale: number): void {
    const { rows, x, quantized, scale } = this.#stream;
    this.#k.quantizeRows(rows, this.#model.widths.hidden, x, inputScale, quantized, scale);
  }

  /** Queries, keys and values of all rows; in the last layer only the queries that are asked for. */
  #project({ project, projectScale, inputNorm, rotation }: Layer, isLast: boolean): void {
    const { heads, kvHeads, widths } = this.#model;
    const { all, narrowed, projected, y } = this.#frame;
    const width = heads * widths.head;
    const stride = 4 * project.outputs;
    const input = () => ({ x: inputNorm ? y : this.#stream.x, xStride: 4 * widths.hidden });
    if (isLast && narrowed) {
      this.#multiply(project, all, { ...input(), from: width, out: projected, stride });
      this.#narrow(narrowed);
      if (inputNorm) this.#normInput(inputNorm, projectScale);
      else this.#quantize(projectScale);
      const { queries } = narrowed;
      const out = { end: width, out: queries, stride: 4 * width };
      this.#multiply(project, narrowed, { ...input(), ...out });
      this.#rotate(rotation, narrowed, heads, queries, 4 * width);
    } else {
      this.#multiply(project, all, { ...input(), out: projected, stride });
      this.#rotate(rotation, all, heads, projected, stride);
    }
    this.#rotate(rotation, all, kvHeads, projected + 4 * width, stride);
  }

  /** Goes on with the positions that are answered. */
  #narrow(to: Stream): void {
    const { hidden } = this.#model.widths;
    const from = this.#stream;
    for (const { start, queryStart, queries } of this.#batch.texts) {
      const copy = (array: "positions" | "vectors" | "x", bytes: number): void =>
        this.#copyRows(from[array], to[array], bytes, start, queryStart, queries);
      copy("positions", 4);
      copy("vectors", 4);
      copy("x", 4 * hidden);
    }
    this.#stream = to;
  }

  /** Contexts of all rows, in y. */
  #attend({ window }: Layer, index: number): void {
    const { heads, kvHeads, headSize, widths } = this.#model;
    const { projected, y, work, narrowed } = this.#frame;
    const isNarrowed = this.#stream === narrowed;
    const width = 4 * heads * widths.head;
    const keyWidth = 4 * kvHeads * widths.head;
    const stride = width + 2 * keyWidth;
    this.#past.write(index);
    for (const text of this.#batch.texts) {
      const { prefix } = text.row;
      const { first, rows } = this.#rowsOf(text);
      if (rows === 0) continue;
      const keys = projected + text.start * stride + width;
      const past = this.#past.of(prefix);
      this.#k.attention(
        rows,
        text.length,
        heads,
        kvHeads,
        headSize,
        isNarrowed ? narrowed!.queries + first * width : projected + first * stride,
        isNarrowed ? width : stride,
        keys,
        keys + keyWidth,
        stride,
        prefix.numVirtualTokens,
        past.keys,
        past.values,
        prefix.numVirtualTokens,
        window,
        y + first * width,
        width,
        work,
      );
    }
  }

  /** Adds what attention gives to x, and norms it for the feed-forward block: in y, or in x if pre-norm. */
  #addAttended({ output, outputNorm, middleNorm, widenScale }: Layer): void {
    const { hidden } = this.#model.widths;
    const { y } = this.#frame;
    const { rows, x, vectors, quantized, scale } = this.#stream;
    const sum = outputNorm ? y : x;
    this.#k.quantizeRows(rows, output.inputs, y, 0, quantized, scale);
    this.#multiply(output, this.#stream, {
      x: y,
      xStride: 4 * output.inputs,
      residual: x,
      out: sum,
      stride: 4 * hidden,
    });
    this.#norm(middleNorm, sum, y, vectors, widenScale);
  }

  /** x = residual + feed-forward block, a chunk of rows at a time. */
  #feedForward({ widen, narrow, isGated, activation, outputNorm }: Layer): void {
    const { hidden, intermediate } = this.#model.widths;
    const { projected, chunkRows, wideQuantized, wideScale, y } = this.#frame;
    const { rows, x, vectors, quantized, scale, positions } = this.#stream;
    const stride = 4 * widen.outputs;
    for (let from = 0; from < rows; from += chunkRows) {
      const count = Math.min(chunkRows, rows - from);
      const chunk: Stream = {
        rows: count,
        positions,
        vectors: vectors + 4 * from,
        x: x + 4 * from * hidden,
        quantized: quantized + 2 * from * hidden,
        scale: scale + 4 * from,
      };
      const input = { x: y + 4 * from * hidden, xStride: 4 * hidden, first: from };
      this.#multiply(widen, chunk, { ...input, out: projected, stride });
      const out = [stride, activation, wideQuantized, wideScale] as const;
      if (isGated) {
        this.#k.gate(count, intermediate, projected, projected + 4 * intermediate, ...out);
      } else {
        this.#k.activate(count, intermediate, projected, ...out);
      }
      this.#multiply(
        narrow,
        { ...chunk, quantized: wideQuantized, scale: wideScale },
        {
          x: projected,
          xStride: stride,
          first: from,
          residual: outputNorm ? y + 4 * from * hidden : chunk.x,
          out: chunk.x,
          stride: 4 * hidden,
        },
      );
    }
  }

  /** Adds the share of a layer's output to the answers of the tasks that mix layers. */
  #mix(index: number): void {
    const { hidden } = this.#model.widths;
    const { mixed } = this.#frame;
    for (const text of this.#batch.texts) {
      const { deltas } = text.row.prefix;
      if (!deltas) continue;
      const { queryStart, queries } = text;
      const { first } = this.#rowsOf(text);
      const at = mixed + 4 * queryStart * hidden;
      if (index === 0) this.#heap.floats(at, queries * hidden).fill(0);
      const share = deltas.layerWeights[index]!;
      const from = this.#stream.x + 4 * first * hidden;
      if (share !== 0) this.#k.addScaled(queries * hidden, share, from, at);
    }
  }

  /** A text's rows in the stream. */
  #rowsOf({ start, length, queryStart, queries }: Text): { first: number; rows: number } {
    return this.#stream === this.#frame.narrowed
      ? { first: queryStart, rows: queries }
      : { first: start, rows: length };
  }

  #multiply(
    matrix: Matrix,
    { rows, quantized, scale, vectors }: Stream,
    { from = 0, end = matrix.outputs, x, xStride, first = 0, residual = 0, out, stride }: Product,
  ): void {
    const { inputs, weights, scales, bias } = matrix;
    const lowRank = this.#lowRank;
    const rowsOf = (text: Text) => this.#rowsOf(text);
    const spans = lowRank ? spansOf(this.#batch.texts, rowsOf, first, first + rows) : [];
    lowRank?.reduce(matrix, spans, x, xStride);
    this.#k.multiply(
      ...([rows, inputs, from, end, quantized, scale, weights, scales, vectors, bias] as const),
      ...([residual, stride, out, stride] as const),
    );
    lowRank?.add(matrix, spans, [from, end], out, stride);
  }

  /** Norms rows of the stream; with an input scale, also quantizes them. */
  #norm(norm: Norm, x: number, out: number, vectors: number, inputScale: number | null): void {
    const { rows, quantized, scale } = this.#stream;
    const { kind, size, gamma, beta, epsilon } = norm;
    const q = inputScale === null ? 0 : quantized;
    this.#k.norm(
      ...([rows, size, kind, x, vectors, gamma, beta, epsilon] as const),
      ...([inputScale ?? 0, out, q, scale] as const),
    );
  }

  #rotate(
    rotation: number | null,
    { rows, positions }: Stream,
    heads: number,
    x: number,
    stride: number,
  ): void {
    if (rotation === null) return;
    const { headSize, widths } = this.#model;
    const angles = this.#frame.angles + 4 * rotation * this.#batch.positions * widths.head;
    this.#k.rotate(rows, heads, headSize, x, stride, positions, angles);
  }

  #copyRows(
    from: number,
    to: number,
    bytes: number,
    first: number,
    toFirst: number,
    rows: number,
  ): void {
    const source = this.#heap.bytes(from + first * bytes, rows * bytes);
    this.#heap.bytes(to + toFirst * bytes, rows * bytes).set(source);
  }
}
