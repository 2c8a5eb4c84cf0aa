/**
 * safetensors: named tensors in one file, read with limits and written in a canonical order.
 *
 * Layout: 8 bytes little-endian header length, a JSON header, then the tensors' bytes.
 * Guarantees of the reader, on any input: it returns tensors that lie inside the file, or throws a
 * FormatError; it never allocates more than the file holds. Format: the safetensors specification
 * (huggingface/safetensors, "Format"); on top of it this reader refuses a header above 1 MB.
 */
import { FormatError } from "../errors.ts";
import { describe } from "../record.ts";
import { sizeOf } from "../model/shapes.ts";
import { checkSize } from "../model/tensor.ts";
import type { Dtype, Tensor } from "../model/tensor.ts";
import { canonicalJson, decodeUtf8, encodeUtf8 } from "../text.ts";

/** A real header has some hundred bytes a tensor; 1 MB is thousands of tensors. */
const MAX_HEADER_BYTES = 1_000_000;
/** The largest dimension of a real model is a vocabulary, below a million. */
const MAX_DIM = 2 ** 31;
const MAX_RANK = 8;
/** The one name that no tensor can have. */
const METADATA = "__metadata__";

const DTYPES = {
  F64: { dtype: "float64", width: 8 },
  I64: { dtype: "int64", width: 8 },
  F32: { dtype: "float32", width: 4 },
  I32: { dtype: "int32", width: 4 },
  F16: { dtype: "float16", width: 2 },
  BF16: { dtype: "bfloat16", width: 2 },
  I8: { dtype: "int8", width: 1 },
  U8: { dtype: "uint8", width: 1 },
  BOOL: { dtype: "bool", width: 1 },
} as const satisfies Record<string, { dtype: Dtype; width: number }>;

type Label = keyof typeof DTYPES;

const LABEL_OF = Object.fromEntries(
  Object.entries(DTYPES).map(([label, { dtype }]) => [dtype, label]),
) as Record<Dtype, Label>;

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where one tensor's bytes lie, counted from the start of the file. */
export interface TensorPlace {
  readonly dtype: Dtype;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A file whose tensors may have any dtype. */
export interface AnySafetensors extends Safetensors {
  /** Tensors of dtypes that are not read, such as F8_E4M3: name -> dtype. */
  readonly unread: ReadonlyMap<string, string>;
}

/**
 * Reads a whole file held in memory. Tensors are views into `bytes` where alignment allows, copies
 * otherwise. `subject` names the file in messages. Throws FormatError `safetensors-invalid`.
 */
export function readSafetensors(bytes: Uint8Array, subject = "safetensors file"): Safetensors {
  return withViews(bytes, readSafetensorsHeader(bytes, bytes.byteLength, subject));
}

/** The same for files of others: a tensor of a dtype that is not read is listed, not refused. */
export function readAnySafetensors(
  bytes: Uint8Array,
  subject = "safetensors file",
): AnySafetensors {
  const { unread, ...header } = readHeader(bytes, bytes.byteLength, subject);
  return { ...withViews(bytes, header), unread };
}

function withViews(bytes: Uint8Array, { places, metadata }: Header): Safetensors {
  const tensors = new Map<string, Tensor>();
  for (const [name, place] of places) tensors.set(name, view(bytes, place));
  return { tensors, metadata };
}

interface Header {
  readonly places: ReadonlyMap<string, TensorPlace>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads only the header: `head` is the start of a file of `fileBytes` bytes and must hold the whole
 * header. Serves readers that do not want a large file in memory.
 */
export function readSafetensorsHeader(
  head: Uint8Array,
  fileBytes: number,
  subject = "safetensors file",
): Header {
  const { unread, ...header } = readHeader(head, fileBytes, subject);
  for (const [name, dtype] of unread) {
    throw new FormatError(
      "safetensors-invalid",
      `${subject}: tensor ${describe(name)} has the dtype ${describe(dtype)}, allowed are ${Object.keys(DTYPES).join(", ")}`,
    );
  }
  return header;
}

/**
 * Bytes of a file of `fileBytes` bytes up to its first tensor; `head` are its first 8 bytes or more.
 * Throws FormatError `safetensors-invalid` for a header that is too long for the file or for memory.
 */
export function headerBytes(
  head: Uint8Array,
  fileBytes: number,
  subject = "safetensors file",
): number {
  const fail = failing(subject);
  if (fileBytes < 8 || head.byteLength < 8) fail(`is ${fileBytes} bytes long, needs at least 8`);
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const available = BigInt(fileBytes - 8);
  if (length > available) fail(`header claims ${length} bytes, the file has ${available} left`);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    fail(`header claims ${length} bytes, allowed are ${MAX_HEADER_BYTES}`);
  }
  return 8 + Number(length);
}

const failing =
  (subject: string): Fail =>
  (what, cause) => {
    throw new FormatError("safetensors-invalid", `${subject}: ${what}`, { cause });
  };

function readHeader(
  head: Uint8Array,
  fileBytes: number,
  subject: string,
): Header & Pick<AnySafetensors, "unread"> {
  const fail: Fail = failing(subject);
  const dataStart = headerBytes(head, fileBytes, subject);
  if (head.byteLength < dataStart) fail(`header is cut off after ${head.byteLength} bytes`);
  if (head[8] !== 0x7b) fail("header does not start with '{'");

  const { entries, metadata } = parseHeader(head.subarray(8, dataStart), fail);
  const places = new Map<string, TensorPlace>();
  const unread = new Map<string, string>();
  const ranges: { readonly name: string; readonly begin: number; readonly end: number }[] = [];
  for (const [name, entry] of entries) {
    const [from, to] = entry.data_offsets;
    ranges.push({ name, begin: dataStart + from, end: dataStart + to });
    if (!isRead(entry)) {
      unread.set(name, entry.dtype);
      continue;
    }
    const { dtype, width } = DTYPES[entry.dtype];
    const found = `tensor ${describe(name)} [${entry.shape.join(", ")}] ${entry.dtype}`;
    // Without its zeros: a product that overflows on its way to 0 is no honest empty tensor.
    if (!Number.isSafeInteger(width * sizeOf(entry.shape.filter((dim) => dim > 0)))) {
      fail(`${found} is too large`);
    }
    const needed = width * sizeOf(entry.shape);
    if (needed !== to - from) {
      fail(`${found} needs ${needed} bytes, its offsets give ${to - from}`);
    }
    places.set(name, { dtype, dims: entry.shape, begin: dataStart + from, end: dataStart + to });
  }

  // The tensors must tile the rest of the file: no hole, no overlap, nothing after the last.
  let cursor = dataStart;
  for (const { name, begin, end } of ranges.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== cursor) {
      fail(
        `tensor ${describe(name)} begins at byte ${begin}, expected ${cursor} (hole or overlap)`,
      );
    }
    cursor = end;
  }
  if (cursor !== fileBytes) fail(`tensors end at byte ${cursor}, the file at ${fileBytes}`);
  return { places, metadata, unread };
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const isRead = (entry: Entry): entry is Entry & { readonly dtype: Label } =>
  Object.hasOwn(DTYPES, entry.dtype);

type Fail = (what: string, cause?: unknown) => never;

function parseHeader(
  bytes: Uint8Array,
  fail: Fail,
): { entries: Map<string, Entry>; metadata: Record<string, string> } {
  let json: unknown;
  let text = "";
  try {
    text = decodeUtf8(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    return fail("header is not strict UTF-8 JSON", cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return fail("header is not a JSON object");
  }
  const entries = new Map<string, Entry>();
  let metadata: Record<string, string> = {};
  let keys = 0;
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) {
      if (!isObject(value) || Object.values(value).some((item) => typeof item !== "string")) {
        return fail("__metadata__ must map strings to strings");
      }
      metadata = value as Record<string, string>;
      keys += 1 + Object.keys(metadata).length;
      continue;
    }
    if (!isEntry(value)) return fail(`tensor ${describe(name)} has a malformed header entry`);
    entries.set(name, value);
    keys += 1 + ENTRY_FIELDS;
  }
  // JSON.parse keeps the last of two equal keys in silence; a second tensor could hide that way.
  if (countKeys(text) !== keys) fail("header has a duplicate key");
  return { entries, metadata };
}

/** dtype, shape and data_offsets. */
const ENTRY_FIELDS = 3;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isEntry(value: unknown): value is Entry {
  if (!isObject(value) || Object.keys(value).length !== ENTRY_FIELDS) return false;
  const { dtype, shape, data_offsets: offsets } = value;
  return (
    typeof dtype === "string" &&
    Array.isArray(shape) &&
    shape.length <= MAX_RANK &&
    shape.every((dim) => isCount(dim) && dim <= MAX_DIM) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isCount) &&
    offsets[0]! <= offsets[1]!
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && +value! >= 0;

/** Number of keys in a JSON text that is known to parse: the strings that a colon follows. */
function countKeys(text: string): number {
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '"') continue;
    for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
    let after = i + 1;
    while (isSpace(text[after])) after++;
    if (text[after] === ":") keys++;
  }
  return keys;
}

const isSpace = (unit: string | undefined): boolean =>
  unit === " " || unit === "\n" || unit === "\r" || unit === "\t";

function view(bytes: Uint8Array, place: TensorPlace): Tensor {
  const { dtype, dims, begin, end } = place;
  const { width } = DTYPES[LABEL_OF[dtype]];
  const aligned = (bytes.byteOffset + begin) % width === 0;
  // Not `slice`: a Node Buffer is a Uint8Array whose slice is a view, as unaligned as before.
  const source = aligned ? bytes.subarray(begin, end) : new Uint8Array(bytes.subarray(begin, end));
  const { buffer, byteOffset } = source;
  const length = (end - begin) / width;
  switch (dtype) {
    case "float64":
      return { dtype, dims, data: new Float64Array(buffer, byteOffset, length) };
    case "int64":
      return { dtype, dims, data: new BigInt64Array(buffer, byteOffset, length) };
    case "float32":
      return { dtype, dims, data: new Float32Array(buffer, byteOffset, length) };
    case "int32":
      return { dtype, dims, data: new Int32Array(buffer, byteOffset, length) };
    case "float16":
    case "bfloat16":
      return { dtype, dims, data: new Uint16Array(buffer, byteOffset, length) };
    case "int8":
      return { dtype, dims, data: new Int8Array(buffer, byteOffset, length) };
    case "uint8":
    case "bool":
      return { dtype, dims, data: new Uint8Array(buffer, byteOffset, length) };
    default:
      return dtype satisfies never;
  }
}

/**
 * Writes tensors canonically: widest dtype first, then by name, so that equal content gives equal
 * bytes and every tensor is aligned to its width. The header is padded to a multiple of 8 bytes.
 * Throws FormatError when the reader would refuse the file: `tensor-size-mismatch` for data that
 * does not fill its dimensions, `safetensors-invalid` for the reserved name and a header above 1 MB.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DTYPES[LABEL_OF[b.dtype]].width - DTYPES[LABEL_OF[a.dtype]].width ||
      (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  // Joined by hand: an object would reorder names like "7" and lose one called "__proto__".
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${METADATA}":${canonicalJson(metadata)}`);
  let offset = 0;
  for (const [name, { dtype, dims, data }] of ordered) {
    checkSize(dims, data.length);
    if (name === METADATA) {
      throw new FormatError("safetensors-invalid", `tensor name "${METADATA}": is reserved`);
    }
    const end = offset + data.byteLength;
    const entry: Entry = { dtype: LABEL_OF[dtype], shape: dims, data_offsets: [offset, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset = end;
  }
  let json = `{${fields.join(",")}}`;
  const headerBytes = encodeUtf8(json).byteLength;
  json += " ".repeat((8 - (headerBytes % 8)) % 8);
  const head = encodeUtf8(json);
  if (head.byteLength > MAX_HEADER_BYTES) {
    throw new FormatError(
      "safetensors-invalid",
      `${ordered.length} tensors: their header has ${head.byteLength} bytes, allowed are ${MAX_HEADER_BYTES}`,
    );
  }
  const file = new Uint8Array(8 + head.byteLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.byteLength), true);
  file.set(head, 8);
  let cursor = 8 + head.byteLength;
  for (const [, { data }] of ordered) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), cursor);
    cursor += data.byteLength;
  }
  return file;
}
