/**
 * The tensors of a base's files -> their places in the kernels' memory, as they arrive. Weights of
 * matrices are packed a few rows at a time; everything else is copied as it is.
 *
 * Nothing of a file is trusted: names, types and shapes must be those of the layout.
 */
import { FormatError } from "../../core/errors.ts";
import type { TensorPlace } from "../../core/format/safetensors.ts";
import { checkDims, sizeOf } from "../../core/model/shapes.ts";
import { scaleName } from "../../graph/quantization/int8.ts";
import type { Heap } from "./heap.ts";
import { TABLE } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { tableForm } from "./layout.ts";
import type { Layout, PlacedTable, Slot } from "./layout.ts";
import type { Model } from "./model.ts";
import { TensorStream } from "./tensor-stream.ts";
import type { Sink } from "./tensor-stream.ts";

/** Rows of a matrix are collected up to about so many bytes before they are packed. */
const STAGE_BYTES = 65_536;

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
        return () => this.#copyFloats(subject, slot.at, sizeOf(slot.dims));
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
    { dtype, dims, begin, end }: TensorPlace,
  ): () => Sink {
    const form = dims.length === 2 ? tableForm(dtype, dims[1]!, width) : null;
    if (form === null || dims[0] !== rows) {
      throw new FormatError(
        "tensor-shape-mismatch",
        `${subject}: is ${dtype} [${dims.join(", ")}], expected float32, int8 or uint8 [${rows}, ${width}] or uint8 [${rows}, ${width / 2}]`,
      );
    }
    const values = this.#heap.allocate(end - begin);
    this.#tables.set(name, { form, values });
    return form === TABLE.float32
      ? () => this.#copyFloats(subject, values, rows * width)
      : () => this.#copy(values);
  }

  #copy(at: number): Sink {
    let next = at;
    return {
      take: (bytes) => {
        this.#heap.bytes(next, bytes.length).set(bytes);
        next += bytes.length;
      },
      finish: () => undefined,
    };
  }

  /** No number may be NaN or infinite: one would spoil every answer. */
  #copyFloats(subject: string, at: number, length: number): Sink {
    return {
      ...this.#copy(at),
      finish: () => {
        const found = this.#heap.floats(at, length).findIndex((value) => !Number.isFinite(value));
        if (found < 0) return;
        throw new FormatError(
          "weights-not-finite",
          `${subject}: element ${found} is NaN or infinite, all must be finite`,
        );
      },
    };
  }

  #pack({ dims: [inputs, outputs], at }: SlotOf<"matrix">): Sink {
    // An even number of rows, as the kernel takes them. They lie on top of all that has a place.
    const rowsAtOnce = 2 * Math.max(1, Math.floor(STAGE_BYTES / (2 * outputs)));
    const stageBytes = Math.min(inputs, rowsAtOnce) * outputs;
    const stage = this.#heap.top;
    this.#heap.allocate(stageBytes);
    this.#heap.reset(stage);
    let filled = 0;
    let packed = 0;
    const pack = (): void => {
      const rows = filled / outputs;
      if (rows > 0) this.#kernels.pack(inputs, outputs, packed, packed + rows, stage, at);
      packed += rows;
      filled = 0;
    };
    return {
      take: (bytes) => {
        for (let from = 0; from < bytes.length;) {
          const count = Math.min(bytes.length - from, stageBytes - filled);
          this.#heap.bytes(stage + filled, count).set(bytes.subarray(from, from + count));
          filled += count;
          from += count;
          if (filled === stageBytes) pack();
        }
      },
      finish: pack,
    };
  }
}

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
