/**
 * Reads an ONNX model back into plain objects, for tests of what the library writes. It has a table
 * of its own, copied by hand from onnx/onnx.proto3 (IR version 10), so that a wrong field number in
 * the library does not go unnoticed.
 */
import { decodeUtf8 } from "../../src/core/text.ts";

type Kind = "int" | "float" | "text" | "bytes" | keyof typeof MESSAGES;
type Field = readonly [name: string, kind: Kind, rule?: "repeated"];
type Decoded = Record<string, unknown>;

const MESSAGES = {
  ModelProto: {
    1: ["ir_version", "int"],
    2: ["producer_name", "text"],
    7: ["graph", "GraphProto"],
    8: ["opset_import", "OperatorSetIdProto", "repeated"],
  },
  OperatorSetIdProto: { 1: ["domain", "text"], 2: ["version", "int"] },
  GraphProto: {
    1: ["node", "NodeProto", "repeated"],
    2: ["name", "text"],
    5: ["initializer", "TensorProto", "repeated"],
    11: ["input", "ValueInfoProto", "repeated"],
    12: ["output", "ValueInfoProto", "repeated"],
  },
  NodeProto: {
    1: ["input", "text", "repeated"],
    2: ["output", "text", "repeated"],
    3: ["name", "text"],
    4: ["op_type", "text"],
    5: ["attribute", "AttributeProto", "repeated"],
    7: ["domain", "text"],
  },
  AttributeProto: {
    1: ["name", "text"],
    2: ["f", "float"],
    3: ["i", "int"],
    4: ["s", "bytes"],
    5: ["t", "TensorProto"],
    7: ["floats", "float", "repeated"],
    8: ["ints", "int", "repeated"],
    20: ["type", "int"],
  },
  TensorProto: {
    1: ["dims", "int", "repeated"],
    2: ["data_type", "int"],
    8: ["name", "text"],
    9: ["raw_data", "bytes"],
    13: ["external_data", "StringStringEntryProto", "repeated"],
    14: ["data_location", "int"],
  },
  StringStringEntryProto: { 1: ["key", "text"], 2: ["value", "text"] },
  ValueInfoProto: { 1: ["name", "text"], 2: ["type", "TypeProto"] },
  TypeProto: { 1: ["tensor_type", "TensorTypeProto"] },
  TensorTypeProto: { 1: ["elem_type", "int"], 2: ["shape", "TensorShapeProto"] },
  TensorShapeProto: { 1: ["dim", "DimensionProto", "repeated"] },
  DimensionProto: { 1: ["dim_value", "int"], 2: ["dim_param", "text"] },
} as const satisfies Record<string, Record<number, readonly [string, string, "repeated"?]>>;

/** A model with onnx.proto3's field names; absent repeated fields are empty lists. */
export const decodeModel = (bytes: Uint8Array): Decoded => decode("ModelProto", bytes);

function decode(message: keyof typeof MESSAGES, bytes: Uint8Array): Decoded {
  const fields: Readonly<Record<number, Field>> = MESSAGES[message];
  const repeated = Object.values(fields).filter(([, , rule]) => rule === "repeated");
  const decoded: Decoded = Object.fromEntries(repeated.map(([name]) => [name, []]));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  const read = (kind: Kind): unknown => {
    if (kind === "int") return Number(varint());
    if (kind === "float") {
      at += 4;
      return view.getFloat32(at - 4, true);
    }
    const length = Number(varint());
    at += length;
    const part = bytes.subarray(at - length, at);
    if (part.byteLength !== length) throw new RangeError(`${message}: ends inside a field`);
    if (kind === "bytes") return part;
    return kind === "text" ? decodeUtf8(part) : decode(kind, part);
  };
  while (at < bytes.byteLength) {
    const tag = Number(varint());
    const field = fields[tag >> 3];
    if (!field) throw new RangeError(`${message}: has no field ${tag >> 3}`);
    const [name, kind, rule] = field;
    const wireType = kind === "int" ? 0 : kind === "float" ? 5 : 2;
    if ((tag & 7) !== wireType) throw new RangeError(`${message}.${name}: wire type ${tag & 7}`);
    if (rule === "repeated") (decoded[name] as unknown[]).push(read(kind));
    else decoded[name] = read(kind);
  }
  return decoded;
}
