/**
 * The tensors of a base's files -> their places in the kernels' memory, as they arrive. Weights of
 * matrices are packed a few rows at a time; everything else is copied as it is.
 *
 * Nothing of a file is trusted: names, types and shapes must be those of the layout.
 */
import { FormatError } from "../../core/errors.ts";
import type { TensorPlace } from "../../core/format/safetensors.ts";
import { checkDims } from "../../core/model/shapes.ts";
import { scaleName } from "../../graph/quantization/int8.ts";
import type { Heap } from "./heap.ts";
import { TABLE } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { tableForm } from "./layout.ts";
import type { Layout, PlacedTable, Slot } from "./layout.ts";
import type { Model } from "./model.ts";
import { axisOf, isPadded, lengthOf, pieceAt } from "./padding.ts";
import type { Axis } from "./padding.ts";
import { TensorStream } from "./tensor-stream.ts";
import type { Sink } from "./tensor-stream.ts";

/** Rows of a matrix are collected up to about so many bytes before they are packed. */
const STAGE_BYTES = 65_536;

/** How a number of each form is stored, and the byte of zeros. */
const STORED = {
  [TABLE.float32]: { bits: 32, zero: 0 },
  [TABLE.int8]: { bits: 8, zero: 0 },
  [TABLE.uint8]: { bits: 8, zero: 128 },
  [TABLE.uint4]: { bits: 4, zero: 0x88 },
} as const;

type SlotOf<K extends Slot["kind"]> = Extract<Slot, { kind: K }>;

export class WeightLoader {
  readonly #kernels: Kernels;
  readonly #heap: Heap;
  readonly #layout: Layout;
  readonly #tables = new Map<string, PlacedTable>();
  readonly #found = new Set<string>();

  constructor(kernels: Kernels, heap: Heap, layout: Layout) {
    this.#kernels = kernels;
    this.#heap = heap;
    this.#layout = layout;
    for (const { at, length } of layout.ones) heap.floats(at, length).fill(1);
  }

  /**
   * Begins a file of so many bytes; one after the other. Its pieces throw FormatError
   * `safetensors-invalid`, `tensor-dtype-mismatch`, `tensor-shape-mismatch`, `weights-not-finite`, and
   * LimitError `heap-limit`.
   */
  open(name: string, fileBytes: number): TensorStream {
    return new TensorStream(name, fileBytes, (tensor, place) => this.#place(name, tensor, place));
  }

  /** The model, when all files have been read. Throws FormatError `tensor-missing`. */
  finish(): Model {
    const check = (name: string): void => {
      if (this.#found.has(name)) return;
      throw new FormatError("tensor-missing", `tensor "${name}": the weights do not hold it`);
    };
    for (const [name, slot] of this.#layout.slots) {
      if (slot.kind !== "floats" || slot.isRequired) check(name);
    }
    for (const [name, { form }] of this.#tables) {
      if (form !== TABLE.float32) check(scaleName(name));
    }
    return this.#layout.model(this.#tables);
  }

  /** Checks a tensor against its slot; null for one that has none. */
  #place(file: string, name: string, place: TensorPlace): (() => Sink) | null {
    const slot = this.#layout.slots.get(name);
    if (!slot) return null;
    const subject = `${file}: tensor "${name}"`;
    if (this.#found.has(name)) {
      throw new FormatError("safetensors-invalid", `${subject}: is in another file, too`);
    }
    this.#found.add(name);
    switch (slot.kind) {
      case "floats":
        check(subject, place, "float32", slot.dims);
        return () => this.#copyFloats(subject, slot.at, 1, scaled(slot.axis, 4));
      case "matrix":
        check(subject, place, "uint8", slot.dims);
        return () => this.#pack(slot);
      case "table":
        return this.#placeTable(subject, name, slot, place);
      default:
        return slot satisfies never;
    }
  }

  #placeTable(
    subject: string,
    name: string,
    { rows, width }: SlotOf<"table">,
    { dtype, dims }: TensorPlace,
  ): () => Sink {
    const form = dims.length === 2 ? tableForm(dtype, dims[1]!, width) : null;
    if (form === null || dims[0] !== rows) {
      throw new FormatError(
        "tensor-shape-mismatch",
        `${subject}: is ${dtype} [${dims.join(", ")}], expected float32, int8 or uint8 [${rows}, ${width}] or uint8 [${rows}, ${width / 2}]`,
      );
    }
    const { bits, zero } = STORED[form];
    const row = scaled(axisOf(width), bits / 8);
    const bytes = rows * lengthOf(row);
    const values = this.#heap.allocate(bytes);
    if (isPadded(row)) this.#heap.bytes(values, bytes).fill(zero);
    this.#tables.set(name, { form, values });
    return form === TABLE.float32
      ? () => this.#copyFloats(subject, values, rows, row)
      : () => this.#copy(values, rows, row);
  }

  /** Rows of bytes, one behind the other; what is between them in memory is left as it is. */
  #copy(at: number, rows: number, row: Axis): Sink {
    return this.#spread(axisOf(rows, 1, rows), row, (to, bytes) => {
      this.#heap.bytes(at + to, bytes.length).set(bytes);
    });
  }

  /** No number may be NaN or infinite: one would spoil every answer. */
  #copyFloats(subject: string, at: number, rows: number, row: Axis): Sink {
    return {
      ...this.#copy(at, rows, row),
      finish: () => {
        const numbers = (rows * lengthOf(row)) / 4;
        const isWrong = (value: number): boolean => !Number.isFinite(value);
        const found = this.#heap.floats(at, numbers).findIndex(isWrong);
        if (found < 0) return;
        const [run, step] = [row.run / 4, row.step / 4];
        const element = Math.floor(found / step) * run + (found % step);
        throw new FormatError(
          "weights-not-finite",
          `${subject}: element ${element} is NaN or infinite, all must be finite`,
        );
      },
    };
  }

  #pack({ rows, columns, at }: SlotOf<"matrix">): Sink {
    const [inputs, outputs] = [lengthOf(rows), lengthOf(columns)];
    // An even number of rows, as the kernel takes them. They lie on top of all that has a place.
    const rowsAtOnce = 2 * Math.max(1, Math.floor(STAGE_BYTES / (2 * outputs)));
    const stageBytes = Math.min(inputs, rowsAtOnce) * outputs;
    const stage = this.#heap.top;
    this.#heap.allocate(stageBytes);
    this.#heap.reset(stage);
    let packed = 0;
    /** Zeros where no weight will be. */
    const clear = (): void => {
      if (isPadded(rows) || isPadded(columns)) {
        this.#heap.bytes(stage, stageBytes).fill(STORED[TABLE.uint8].zero);
      }
    };
    const pack = (): void => {
      const end = Math.min(packed + stageBytes / outputs, inputs);
      this.#kernels.pack(inputs, outputs, packed, end, stage, at);
      packed = end;
      clear();
    };
    clear();
    return {
      ...this.#spread(rows, columns, (to, bytes) => {
        for (let from = 0; from < bytes.length;) {
          const place = to + from - packed * outputs;
          if (place >= stageBytes) {
            pack();
            continue;
          }
          const count = Math.min(bytes.length - from, stageBytes - place);
          this.#heap.bytes(stage + place, count).set(bytes.subarray(from, from + count));
          from += count;
        }
      }),
      finish: () => {
        const stages = Math.ceil(((inputs - packed) * outputs) / stageBytes);
        for (let i = 0; i < stages; i++) pack();
      },
    };
  }

  /** Takes the bytes of a tensor [rows, columns] and hands them on with their place in memory. */
  #spread(rows: Axis, columns: Axis, put: (to: number, bytes: Uint8Array) => void): Sink {
    let next = 0;
    return {
      take: (bytes) => {
        for (let from = 0; from < bytes.length;) {
          const { to, count } = pieceAt(rows, columns, next);
          const piece = bytes.subarray(from, from + count);
          put(to, piece);
          from += piece.length;
          next += piece.length;
        }
      },
      finish: () => undefined,
    };
  }
}

/** An axis of numbers, each of so many bytes. */
const scaled = ({ runs, run, step }: Axis, bytes: number): Axis => ({
  runs,
  run: run * bytes,
  step: step * bytes,
});

function check(
  subject: string,
  { dtype, dims }: TensorPlace,
  expected: TensorPlace["dtype"],
  expectedDims: readonly number[],
): void {
  if (dtype !== expected) {
    throw new FormatError(
      "tensor-dtype-mismatch",
      `${subject}: dtype is ${dtype}, expected ${expected}`,
    );
  }
  checkDims(subject, dims, expectedDims);
}
