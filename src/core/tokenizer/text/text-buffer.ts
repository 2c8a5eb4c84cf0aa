/**
 * Normalized text that remembers where each unit came from.
 *
 * Flat growable arrays of UTF-16 units and origins instead of an object per character: normalizing
 * allocates nothing once the buffer is warm. Origins never decrease.
 */

/** A buffer above this many units is dropped after use, so that one long text pins no memory. */
const KEPT_UNITS = 1 << 16;

/** Anything that UTF-16 units can be read from: a string or a TextBuffer. */
export interface Units {
  readonly length: number;
  charCodeAt(index: number): number;
}

export class TextBuffer implements Units {
  length = 0;
  #units = new Uint16Array(256);
  /** Per unit: where the code point that it came from starts in the original text. */
  #origins = new Int32Array(256);

  charCodeAt(index: number): number {
    return this.#units[index]!;
  }

  origin(index: number): number {
    return this.#origins[index]!;
  }

  /** Appends one code point that came from offset `origin`. */
  push(code: number, origin: number): void {
    if (this.length + 2 > this.#units.length) this.#grow();
    if (code > 0xffff) {
      const rest = code - 0x10000;
      this.#pushUnit(0xd800 + (rest >> 10), origin);
      this.#pushUnit(0xdc00 + (rest & 0x3ff), origin);
    } else {
      this.#pushUnit(code, origin);
    }
  }

  /** Appends units [from, to) of another buffer with their origins. */
  append(other: TextBuffer, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (this.length === this.#units.length) this.#grow();
      this.#pushUnit(other.charCodeAt(i), other.origin(i));
    }
  }

  /** Empties the buffer; gives a large one back to the garbage collector. */
  reset(): void {
    this.length = 0;
    if (this.#units.length > KEPT_UNITS) {
      this.#units = new Uint16Array(256);
      this.#origins = new Int32Array(256);
    }
  }

  /** The text as a string. */
  toString(): string {
    let text = "";
    for (let i = 0; i < this.length; i++) text += String.fromCharCode(this.#units[i]!);
    return text;
  }

  #pushUnit(unit: number, origin: number): void {
    this.#units[this.length] = unit;
    this.#origins[this.length++] = origin;
  }

  #grow(): void {
    const units = new Uint16Array(this.#units.length * 2);
    const origins = new Int32Array(units.length);
    units.set(this.#units);
    origins.set(this.#origins);
    this.#units = units;
    this.#origins = origins;
  }
}

/** Code point that starts at `index`; half of a pair, alone, reads as U+FFFD. */
export function codePointAt(text: Units, index: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit < 0xdc00 && index + 1 < text.length) {
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      return ((unit - 0xd800) << 10) + (next - 0xdc00) + 0x10000;
    }
  }
  return 0xfffd;
}

/** Code point that ends just before `index`. */
export function codePointBefore(text: Units, index: number): number {
  const unit = text.charCodeAt(index - 1);
  if (unit >= 0xdc00 && unit <= 0xdfff && index > 1) {
    const code = codePointAt(text, index - 2);
    if (code > 0xffff) return code;
  }
  return codePointAt(text, index - 1);
}

/** UTF-16 units that a code point takes. */
export function widthOf(code: number): number {
  return code > 0xffff ? 2 : 1;
}
