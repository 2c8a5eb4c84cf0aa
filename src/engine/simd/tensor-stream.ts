/**
 * A safetensors file that arrives piece by piece: first its header, then the bytes of one tensor after
 * the other. The reader of the header names what takes the bytes of each tensor.
 */
import { FormatError } from "../../core/errors.ts";
import { headerBytes, readSafetensorsHeader } from "../../core/format/safetensors.ts";
import type { TensorPlace } from "../../core/format/safetensors.ts";

/** Takes the bytes of one tensor, in order and never more than it has. */
export interface Sink {
  take(bytes: Uint8Array): void;
  /** Called when it has all of them. */
  finish(): void;
}

/** Called with the whole header; opens a sink when the tensor begins, none for one that is skipped. */
export type ReadPlace = (name: string, place: TensorPlace) => (() => Sink) | null;

/** A tensor that has not arrived yet; its bytes are counted from the start of the file. */
interface Expected {
  readonly begin: number;
  readonly end: number;
  open(): Sink;
}

const START_BYTES = 8;

export class TensorStream {
  readonly #subject: string;
  readonly #fileBytes: number;
  readonly #readPlace: ReadPlace;
  /** Room for the file's start, then for its whole header; null when that has been read. */
  #head: Uint8Array | null = new Uint8Array(START_BYTES);
  /** Bytes of the file that have arrived. */
  #position = 0;
  readonly #expected: Expected[] = [];
  #sink: Sink | null = null;

  /** `fileBytes` is the length of the whole file. */
  constructor(subject: string, fileBytes: number, readPlace: ReadPlace) {
    this.#subject = subject;
    this.#fileBytes = fileBytes;
    this.#readPlace = readPlace;
  }

  /** Takes the next bytes of the file. Throws FormatError `safetensors-invalid`, and what sinks throw. */
  write(piece: Uint8Array): void {
    let bytes = piece;
    while (this.#head && bytes.length > 0) bytes = this.#readHead(this.#head, bytes);
    while (bytes.length > 0) bytes = this.#readTensor(bytes);
  }

  /** Throws FormatError `safetensors-invalid` for a file that ends before its tensors do. */
  end(): void {
    // Throws: what is there of the header is not the whole of it.
    if (this.#head) {
      const head = this.#head.subarray(0, this.#position);
      readSafetensorsHeader(head, this.#fileBytes, this.#subject);
    }
    this.#finishEmpty();
    if (this.#position === this.#fileBytes) return;
    throw new FormatError(
      "safetensors-invalid",
      `${this.#subject}: ends after ${this.#position} of ${this.#fileBytes} bytes`,
    );
  }

  /** Adds bytes to the header; returns those behind it. */
  #readHead(head: Uint8Array, bytes: Uint8Array): Uint8Array {
    const count = Math.min(head.length - this.#position, bytes.length);
    head.set(bytes.subarray(0, count), this.#position);
    this.#position += count;
    if (this.#position === head.length) this.#headRead(head);
    return bytes.subarray(count);
  }

  /** The start has arrived, which says how long the header is, or all of the header. */
  #headRead(head: Uint8Array): void {
    const length = headerBytes(head, this.#fileBytes, this.#subject);
    if (head.length === length) return this.#expect(head);
    this.#head = new Uint8Array(length);
    this.#head.set(head);
  }

  #expect(head: Uint8Array): void {
    const { places } = readSafetensorsHeader(head, this.#fileBytes, this.#subject);
    for (const [name, place] of places) {
      const open = this.#readPlace(name, place);
      if (open) this.#expected.push({ begin: place.begin, end: place.end, open });
    }
    this.#expected.sort((a, b) => a.begin - b.begin || a.end - b.end);
    this.#head = null;
  }

  /** Hands on the bytes of one tensor, or skips bytes that none has; returns the rest. */
  #readTensor(bytes: Uint8Array): Uint8Array {
    this.#finishEmpty();
    const next = this.#expected[0];
    const begin = next ? next.begin : Infinity;
    const isSkipped = this.#position < begin;
    const until = isSkipped ? Math.min(begin, this.#fileBytes) : next!.end;
    const count = Math.min(until - this.#position, bytes.length);
    if (count === 0) {
      throw new FormatError(
        "safetensors-invalid",
        `${this.#subject}: goes on after its ${this.#fileBytes} bytes`,
      );
    }
    if (!isSkipped) {
      this.#sink ??= next!.open();
      this.#sink.take(bytes.subarray(0, count));
    }
    this.#position += count;
    if (!isSkipped && this.#position === next!.end) this.#close();
    return bytes.subarray(count);
  }

  /** Tensors without any bytes are whole as soon as their place has been reached. */
  #finishEmpty(): void {
    for (let next = this.#expected[0]; next; next = this.#expected[0]) {
      if (next.begin !== next.end || next.begin > this.#position) return;
      this.#sink = next.open();
      this.#close();
    }
  }

  #close(): void {
    this.#sink!.finish();
    this.#sink = null;
    this.#expected.shift();
  }
}
