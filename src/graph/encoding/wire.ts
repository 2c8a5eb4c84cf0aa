/**
 * The wire format of Protocol Buffers, writing only (protobuf.dev/programming-guides/encoding):
 * each function encodes one field of a message, `message` puts fields together.
 *
 * A field is a list of byte arrays that are copied once, at the end, so that large tensors inside a
 * graph are not copied at every level of nesting. Nothing is generated or compiled at run time: a
 * page with a strict content security policy can write graphs.
 */
import { encodeUtf8 } from "../../core/text.ts";

/** Encoded bytes in pieces, in order. */
export type Pieces = readonly Uint8Array[];

/** Wire types: how a reader finds the end of a value. */
const [VARINT, LENGTH_DELIMITED, FIXED32] = [0, 2, 5];
/** A varint carries 7 bits a byte; the top bit says that another byte follows. */
const [BITS, MORE] = [7, 0x80];

/** An int32 or int64 field. Negative numbers take ten bytes: 64-bit two's complement. */
export const int = (field: number, value: number): Pieces => [
  Uint8Array.of(...varint(tag(field, VARINT)), ...varint(value)),
];

/** A float field: 32 bits, little endian. */
export function float(field: number, value: number): Pieces {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [Uint8Array.of(...varint(tag(field, FIXED32))), bytes];
}

/** A bytes field. */
export const bytes = (field: number, value: Uint8Array): Pieces => delimited(field, [value]);

/** A string field: UTF-8. */
export const text = (field: number, value: string): Pieces => bytes(field, encodeUtf8(value));

/** A field that is a message itself: the fields of that message, in the order of their numbers. */
export const message = (field: number, fields: readonly Pieces[]): Pieces =>
  delimited(field, fields.flat());

/** All pieces as one array. */
export function join(fields: readonly Pieces[]): Uint8Array {
  const pieces = fields.flat();
  const joined = new Uint8Array(sizeOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}

const tag = (field: number, wireType: number): number => field * 8 + wireType;

const delimited = (field: number, pieces: Pieces): Pieces => [
  Uint8Array.of(...varint(tag(field, LENGTH_DELIMITED)), ...varint(sizeOf(pieces))),
  ...pieces,
];

const sizeOf = (pieces: Pieces): number =>
  pieces.reduce((total, piece) => total + piece.byteLength, 0);

/** The lowest 7 bits first. Throws a RangeError for a number that is no integer. */
function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const encoded: number[] = [];
  while (rest >= MORE) {
    encoded.push(Number(rest % BigInt(MORE)) | MORE);
    rest >>= BigInt(BITS);
  }
  return [...encoded, Number(rest)];
}
