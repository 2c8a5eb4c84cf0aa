/** How the bytes of a data file are to be read as text, or what is wrong with them: told by the first ones. */
import { FormatError } from "./errors.ts";

/** A gzip member starts with these two bytes (RFC 1952). */
const GZIP = [0x1f, 0x8b];
/** The longest mark that is looked for. */
export const MARK_BYTES = 4;
/** Bytes at the beginning that are searched for signs of a binary file, as git does. */
const SAMPLE_BYTES = 8000;

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

/** Byte order marks, longer ones first: that of UTF-32 begins like that of UTF-16. */
const MARKS: readonly { readonly bytes: readonly number[]; readonly encoding: Encoding | null }[] =
  [
    { bytes: [0xff, 0xfe, 0, 0], encoding: null },
    { bytes: [0, 0, 0xfe, 0xff], encoding: null },
    { bytes: [0xef, 0xbb, 0xbf], encoding: "utf-8" },
    { bytes: [0xff, 0xfe], encoding: "utf-16le" },
    { bytes: [0xfe, 0xff], encoding: "utf-16be" },
  ];

/** Files that people take for text, by their first bytes, and what to do about them. */
const KNOWN_FILES: readonly { readonly bytes: string; readonly hint: string }[] = [
  { bytes: "PK\u0003\u0004", hint: "it is a zip or Excel file; unpack it, or save it as csv" },
  { bytes: "\u00d0\u00cf\u0011\u00e0", hint: "it is an Excel or Word file; save it as csv" },
  { bytes: "PAR1", hint: "it is a parquet file; write it as jsonl or csv" },
  { bytes: "ARROW1", hint: "it is an arrow file; write it as jsonl or csv" },
  { bytes: "%PDF", hint: "it is a PDF" },
  { bytes: "SQLite format", hint: "it is a database; export a table as csv" },
  { bytes: "BZh", hint: "it is packed with bzip2; unpack it, or use gzip" },
  { bytes: "\u00fd7zXZ", hint: "it is packed with xz; unpack it, or use gzip" },
  { bytes: "\u0028\u00b5\u002f\u00fd", hint: "it is packed with zstd; unpack it, or use gzip" },
];

/** What a text is called in errors, and the first part of their codes. */
export interface Subject {
  readonly subject: string;
  readonly kind: string;
}

/** Whether bytes are packed with gzip. */
export const isGzip = (start: Uint8Array): boolean => startsWith(start, GZIP);

/** The encoding that a mark names, or that the zeros of UTF-16 show; throws FormatError `<kind>-invalid` for what is not text. */
export function encodingOf(
  start: Uint8Array,
  { subject, kind }: Subject,
): { readonly name: Encoding; readonly markBytes: number } {
  const fail = (hint: string): never => {
    throw new FormatError(`${kind}-invalid`, `${subject}: is not text; ${hint}`);
  };
  const mark = MARKS.find(({ bytes }) => startsWith(start, bytes));
  if (mark?.encoding === null) fail("it is UTF-32; save it as UTF-8");
  if (mark?.encoding) return { name: mark.encoding, markBytes: mark.bytes.length };
  const head = String.fromCharCode(...start.subarray(0, 16));
  const known = KNOWN_FILES.find(({ bytes }) => head.startsWith(bytes));
  const sample = start.subarray(0, SAMPLE_BYTES);
  const zeros = zerosOf(sample);
  if (zeros.even + zeros.odd === 0) return known && hasControls(sample) ? fail(known.hint) : plain;
  if (known) fail(known.hint);
  const few = sample.length / 8;
  if (sample.length >= MARK_BYTES && zeros.both === 0) {
    if (zeros.odd > few && zeros.even <= few) return { name: "utf-16le", markBytes: 0 };
    if (zeros.even > few && zeros.odd <= few) return { name: "utf-16be", markBytes: 0 };
  }
  return fail("it has bytes that are zero; expected UTF-8 or UTF-16, plain or gzip");
}

/**
 * Zeros at even and odd places and in both bytes of a pair. In UTF-16 one byte of a letter below
 * U+0100 is zero, always the same one, and never both.
 */
function zerosOf(sample: Uint8Array): { even: number; odd: number; both: number } {
  const zeros = { even: 0, odd: 0, both: 0 };
  for (let i = 0; i < sample.length; i += 2) {
    if (sample[i] === 0) zeros.even += 1;
    if (sample[i + 1] === 0) zeros.odd += 1;
    if (sample[i] === 0 && sample[i + 1] === 0) zeros.both += 1;
  }
  return zeros;
}

const plain = { name: "utf-8", markBytes: 0 } as const;

/** Whether there are control characters that texts do not have. */
const hasControls = (bytes: Uint8Array): boolean =>
  bytes.some((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0c, 0x0d, 0x1b].includes(byte));

const startsWith = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, i) => bytes[i] === byte);
