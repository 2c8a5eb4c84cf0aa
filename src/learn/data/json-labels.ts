/**
 * Labels out of JSON, with every digit that was written: an id such as 9007199254740993 has no
 * number of its own in JavaScript, and two ids that round to the same number are two labels.
 */

/** A number as its label: how JavaScript writes it, or the digits of the file where it would lose some. */
export class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Numbers with so many digits, or with an exponent, may not survive `JSON.parse`. */
const MAY_LOSE_DIGITS = /\d[\d.]{15}|\d[eE][+-]?\d/;
/** Longer integers keep their exponent: `1e400` is not written out. */
const MAX_INTEGER_DIGITS = 40;

/**
 * JSON -> value, in which a number that JavaScript cannot hold is a WrittenNumber. Throws a
 * SyntaxError as `JSON.parse` does.
 */
export function parseWithDigits(json: string): unknown {
  if (!MAY_LOSE_DIGITS.test(json)) return JSON.parse(json);
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" && context?.source !== undefined
      ? numberOrDigits(value, context.source)
      : value;
  return JSON.parse(json, revive);
}

/** The number where it is exactly what the file says, else what the file says. */
function numberOrDigits(value: number, source: string): number | WrittenNumber {
  const written = decimalOf(source);
  const held = decimalOf(String(value)); // without digits for Infinity
  if (held.digits === written.digits && held.exponent === written.exponent) return value;
  const { digits, exponent } = written;
  if (exponent < 0 || digits.length + exponent > MAX_INTEGER_DIGITS)
    return new WrittenNumber(source);
  return new WrittenNumber((value < 0 ? "-" : "") + digits + "0".repeat(exponent));
}

/** A number as an integer without zeros at its ends, times a power of ten; 0 has no digits. */
function decimalOf(text: string): { digits: string; exponent: number } {
  const [, whole = "", fraction = "", power = "0"] =
    /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  let end = all.length;
  while (all[end - 1] === "0") end -= 1;
  const digits = all.slice(0, end);
  if (digits === "") return { digits, exponent: 0 };
  return { digits, exponent: Number(power) - fraction.length + all.length - digits.length };
}
