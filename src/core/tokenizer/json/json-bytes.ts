/**
 * JSON read from its UTF-8 bytes, a value at a time, without an object for each: a vocabulary of
 * 250,000 pieces as objects and strings takes ten times the memory of the pieces themselves.
 */
import { FormatError } from "../../errors.ts";
import type { TextBuffer } from "../text/text-buffer.ts";
import { MAX_WORD_UNITS, SUBJECT } from "./fields.ts";

export const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a] as const;
export const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const [ZERO, NINE, MINUS, PLUS, POINT, LOWER_E, UPPER_E] = [48, 57, 45, 43, 46, 101, 69] as const;
const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d] as const;

/** What stands behind a backslash, but for "u" and four hex digits. */
const ESCAPES = new Map(
  Object.entries({ '"': 0x22, "\\": 0x5c, "/": 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }).map(
    ([letter, code]) => [letter.charCodeAt(0), code],
  ),
);

const isDigit = (byte: number | undefined): boolean => byte! >= ZERO && byte! <= NINE;
const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;

/** Bytes and a place in them. Reading beyond the end fails as a wrong character does. */
export class JsonBytes {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** Bytes of the file before `bytes`; for messages. */
  before = 0;

  /** The error for what stands here. */
  invalid(expected: string): FormatError {
    return new FormatError(
      "json-invalid",
      `${SUBJECT}: is not valid UTF-8 JSON at byte ${this.before + this.at}, expected ${expected}`,
    );
  }

  skipSpace(): void {
    for (; ; this.at++) {
      const byte = this.bytes[this.at];
      if (byte !== SPACE && byte !== LINE_FEED && byte !== RETURN && byte !== TAB) return;
    }
  }

  /** Whether the next character is this one; white space before it is skipped. */
  isNext(byte: number): boolean {
    this.skipSpace();
    return this.bytes[this.at] === byte;
  }

  /** Takes one character, which must be there. */
  take(byte: number): void {
    if (!this.isNext(byte)) throw this.invalid(JSON.stringify(String.fromCharCode(byte)));
    this.at++;
  }

  /**
   * Reads the text that begins here into `out`, which it empties first. Returns what is wrong with it
   * as a word of a vocabulary, or null.
   */
  text(out: TextBuffer): string | null {
    this.take(QUOTE);
    out.reset();
    let hasSurrogate = false;
    for (;;) {
      if (out.length > MAX_WORD_UNITS) return `has a text of more than ${MAX_WORD_UNITS} units`;
      const byte = this.bytes[this.at]!;
      if (byte === QUOTE) break;
      if (byte >= SPACE && byte < 0x80 && byte !== BACKSLASH) {
        out.push(byte, 0);
        this.at++;
      } else if (byte >= 0x80) {
        out.push(this.#codePoint(byte), 0);
      } else if (byte === BACKSLASH) {
        const unit = this.#escape();
        if (isSurrogate(unit)) hasSurrogate = true;
        out.push(unit, 0);
      } else {
        throw this.invalid("a character of a text");
      }
    }
    this.at++;
    return hasSurrogate && hasLoneSurrogate(out) ? "has a text with a lone surrogate" : null;
  }

  /** Any number, or NaN where there is none. */
  number(): number {
    const from = this.at;
    let value = 0;
    for (; isDigit(this.bytes[this.at]); this.at++) {
      value = value * 10 + this.bytes[this.at]! - ZERO;
    }
    const length = this.at - from;
    const isPlain = length > 0 && length < 16 && (this.bytes[from] !== ZERO || length === 1);
    if (isPlain && !this.#isInNumber()) return value;
    this.at = from;
    return this.#anyNumber(Number);
  }

  /**
   * A number with a fraction as Python's library reads it out of JSON: the digits as a whole number,
   * rounded, divided by a power of ten, rounded again. That is not always the nearest number; where two
   * ways to cut a word are equally good, the last bit decides. NaN where there is no number.
   */
  score(): number {
    const from = this.at;
    if (this.bytes[this.at] === MINUS) this.at++;
    const first = this.at;
    // Nine digits, then nine more: high * 10^n is exact, so the sum is rounded once.
    let [high, low, lowDigits] = [0, 0, 0];
    let point = -1;
    for (; ; this.at++) {
      const byte = this.bytes[this.at]!;
      if (byte === POINT && point < 0 && this.at > first) {
        point = this.at;
      } else if (!isDigit(byte)) {
        break;
      } else if (high < 1e8 && lowDigits === 0) {
        high = high * 10 + byte - ZERO;
      } else {
        low = low * 10 + byte - ZERO;
        lowDigits++;
      }
    }
    const isPlain =
      lowDigits <= 9 && point >= 0 && this.at > point + 1 && !this.#isInNumber() &&
      (this.bytes[first] !== ZERO || point === first + 1); // prettier-ignore
    if (!isPlain) {
      this.at = from;
      return this.#anyNumber(scoreOf);
    }
    const magnitude = (high * POWERS[lowDigits]! + low) / powerOfTen(this.at - point - 1);
    return first > from ? -magnitude : magnitude;
  }

  /** The number or text that stands here, or what begins here; for messages. */
  describe(): string {
    const bytes = this.bytes.subarray(this.at, this.at + 40);
    const text = Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : "?"));
    return /^(?:"[^"]*"?|[[{]|[^\s,\]}]*)/.exec(text.join(""))![0] || "missing";
  }

  #isInNumber(): boolean {
    const byte = this.bytes[this.at];
    return (
      byte === POINT || byte === LOWER_E || byte === UPPER_E || byte === MINUS || byte === PLUS
    );
  }

  /** A number of any form, by its text. */
  #anyNumber(read: (text: string) => number): number {
    let text = "";
    for (; isDigit(this.bytes[this.at]) || this.#isInNumber(); this.at++) {
      text += String.fromCharCode(this.bytes[this.at]!);
    }
    return NUMBER.test(text) ? read(text) : NaN;
  }

  #escape(): number {
    const letter = this.bytes[this.at + 1]!;
    const code = ESCAPES.get(letter);
    this.at += 2;
    if (code !== undefined) return code;
    const digits = String.fromCharCode(...this.bytes.subarray(this.at, this.at + 4));
    if (letter !== 0x75 || !/^[\da-f]{4}$/i.test(digits)) throw this.invalid("an escape");
    this.at += 4;
    return Number.parseInt(digits, 16);
  }

  /** The code point of several bytes that begins here. */
  #codePoint(lead: number): number {
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    let code = lead & (0x3f >> more);
    for (let i = 1; i <= more; i++) {
      const byte = this.bytes[this.at + i]!;
      if ((byte & 0xc0) !== 0x80) throw this.invalid("UTF-8");
      code = (code << 6) | (byte & 0x3f);
    }
    const isShortest = code >= [0x80, 0x800, 0x10000][more - 1]! && lead >= 0xc2;
    if (!isShortest || lead > 0xf4 || code > 0x10ffff || (more === 2 && isSurrogate(code))) {
      throw this.invalid("UTF-8");
    }
    this.at += 1 + more;
    return code;
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const POWERS = Array.from({ length: 32 }, (_, power) => Number(`1e${power}`));
const powerOfTen = (power: number): number => POWERS[power] ?? Number(`1e${power}`);

const MAX_U64 = 2n ** 64n - 1n;

/** `JsonBytes.score` for a number of any form: digits that 64 bits do not hold are ignored. */
export function scoreOf(text: string): number {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  let significand = BigInt(whole);
  let power = Number(exponent);
  if (significand > MAX_U64) return Number(text);
  for (const digit of fraction) {
    const next = significand * 10n + BigInt(digit);
    if (next > MAX_U64) break;
    significand = next;
    power--;
  }
  let magnitude = Number(significand);
  for (; power < -308 && magnitude > 0; power += 308) magnitude /= 1e308;
  if (power < 0) magnitude /= powerOfTen(-power);
  else if (magnitude > 0) magnitude *= powerOfTen(power);
  return sign ? -magnitude : magnitude;
}

function hasLoneSurrogate(text: TextBuffer): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (!isSurrogate(unit)) continue;
    const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
    if (unit >= 0xdc00 || next < 0xdc00 || next > 0xdfff) return true;
    i++;
  }
  return false;
}
