/** A zip file of a few files as they are, without compression: weights would not get smaller. */
import { joinBytes } from "../../core/bytes.ts";
import { encodeUtf8 } from "../../core/text.ts";

export interface ZipEntry {
  /** Path within the zip, with slashes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Version 2.0 of the format: what any program can read. */
const VERSION = 20;
/** Names are UTF-8. */
const UTF8 = 0x0800;

/** The bytes of a zip file (APPNOTE.TXT 4.3) of less than 4 GiB. */
export function zipOf(entries: readonly ZipEntry[], modified: Date): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const path = encodeUtf8(name);
    const facts: Field[] = [
      [2, UTF8],
      [2, 0], // stored
      [2, dosTime(modified)],
      [2, dosDate(modified)],
      [4, crc32(bytes)],
      [4, bytes.byteLength],
      [4, bytes.byteLength],
      [2, path.byteLength],
      [2, 0],
    ];
    const head = record([[4, LOCAL], [2, VERSION], ...facts]);
    const more: Field[] = [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ];
    directory.push(record([[4, CENTRAL], [2, VERSION], [2, VERSION], ...facts, ...more]), path);
    parts.push(head, path, bytes);
    offset += head.byteLength + path.byteLength + bytes.byteLength;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = record([
    [4, END],
    [2, 0],
    [2, 0],
    [2, entries.length],
    [2, entries.length],
    [4, size],
    [4, offset],
    [2, 0],
  ]);
  return joinBytes([...parts, ...directory, end]);
}

/** Bytes of a number, lowest first. */
type Field = readonly [bytes: 2 | 4, value: number];

function record(fields: readonly Field[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

const dosTime = (date: Date): number =>
  (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);

const dosDate = (date: Date): number =>
  ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of zip and gzip. */
export function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = CRC_TABLE[(sum ^ byte) & 0xff]! ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
