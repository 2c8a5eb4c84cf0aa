/**
 * ECDSA signatures in their two forms. Bundles carry DER, a SEQUENCE of the INTEGERs r and s; Web
 * Crypto takes r and s one behind the other, each as long as the curve's numbers. DER is read
 * strictly: one signature has one encoding.
 */
import { FormatError } from "../errors.ts";

const [INTEGER, SEQUENCE] = [0x02, 0x30];

const fail = (what: string): FormatError =>
  new FormatError("signature-invalid", `ECDSA signature: ${what}`);

/** DER -> r||s of `2 * size` bytes. Throws FormatError `signature-invalid`. */
export function fromDer(der: Uint8Array, size: number): Uint8Array {
  const outer = readHeader(der, 0, SEQUENCE);
  if (outer.end !== der.length) throw fail("has bytes behind its end, or too few");
  const r = readInteger(der, outer.start, size);
  const s = readInteger(der, r.end, size);
  if (s.end !== der.length) throw fail("has more than two numbers");
  const raw = new Uint8Array(2 * size);
  raw.set(r.digits, size - r.digits.length);
  raw.set(s.digits, 2 * size - s.digits.length);
  return raw;
}

/** r||s -> DER. */
export function toDer(raw: Uint8Array): Uint8Array {
  const size = raw.length / 2;
  const body = [...writeInteger(raw.subarray(0, size)), ...writeInteger(raw.subarray(size))];
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length];
  return Uint8Array.from([SEQUENCE, ...length, ...body]);
}

/** Where the content of the item at `at` begins and ends. Lengths below 256 are enough for any curve. */
function readHeader(der: Uint8Array, at: number, tag: number): { start: number; end: number } {
  if (der[at] !== tag) throw fail(`byte ${at} is ${der[at] ?? "missing"}, expected ${tag}`);
  const first = der[at + 1];
  if (first === undefined) throw fail("ends within a length");
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    length = der[at + 2] ?? 0;
    start = at + 3;
    if (first !== 0x81 || length < 0x80)
      throw fail("has a length that is not in its shortest form");
  }
  const end = start + length;
  if (end > der.length) throw fail("has bytes behind its end, or too few");
  return { start, end };
}

/** A positive number of at most `size` bytes, without leading zeros. */
function readInteger(
  der: Uint8Array,
  at: number,
  size: number,
): { digits: Uint8Array; end: number } {
  const { start, end } = readHeader(der, at, INTEGER);
  const bytes = der.subarray(start, end);
  const [first, second] = bytes;
  if (first === undefined) throw fail("has an empty number");
  if (first >= 0x80) throw fail("has a negative number");
  // A zero in front is there only where the next bit would be taken for a sign.
  if (first === 0 && (second === undefined || second < 0x80)) {
    throw fail(second === undefined ? "has the number 0" : "has a number with a needless zero");
  }
  const digits = first === 0 ? bytes.subarray(1) : bytes;
  if (digits.length > size)
    throw fail(`has a number of ${digits.length} bytes, the key has ${size}`);
  return { digits, end };
}

function writeInteger(digits: Uint8Array): number[] {
  let at = 0;
  while (at < digits.length - 1 && digits[at] === 0) at++;
  const shortest = [...digits.subarray(at)];
  const bytes = (shortest[0] ?? 0) >= 0x80 ? [0, ...shortest] : shortest;
  return [INTEGER, bytes.length, ...bytes];
}
