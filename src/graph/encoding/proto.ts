/**
 * ONNX files: the part of onnx.proto3 that this project writes, as a table for protobufjs, and the
 * encoder from Graph to bytes. Large constants may live outside the graph as external data.
 *
 * Source of field names and numbers: onnx/onnx.proto3 (IR version 10). Decoding exists for tests
 * and for looking at files, not for import: no part of this project reads a model from ONNX.
 */
import { encodeUtf8 } from "../../core/text.ts";
import protobuf from "protobufjs/light.js";
import type { Dtype, Tensor } from "../../core/model/tensor.ts";
import type { Attribute, Dim, Graph, Node, Value } from "../graph.ts";

/** TensorProto.DataType. */
export const DATA_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const satisfies Record<Dtype, number>;

/** AttributeProto.AttributeType. */
const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, FLOATS: 6, INTS: 7 } as const;
/** TensorProto.DataLocation. */
const EXTERNAL = 1;

/** Attributes that ONNX types as float; every other number is an int. */
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set([
  "alpha",
  "beta",
  "epsilon",
  "mask_filter_value",
  "scale",
]);

const IR_VERSION = 10;
const CONTRIB_VERSION = 1;

/** Where an external tensor's bytes lie. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

type Field = [name: string, number: number, type: string, rule?: "repeated"];

/** Message -> fields, with onnx.proto3's names and numbers. */
const MESSAGES: Readonly<Record<string, readonly Field[]>> = {
  ModelProto: [
    ["ir_version", 1, "int64"],
    ["producer_name", 2, "string"],
    ["graph", 7, "GraphProto"],
    ["opset_import", 8, "OperatorSetIdProto", "repeated"],
  ],
  OperatorSetIdProto: [
    ["domain", 1, "string"],
    ["version", 2, "int64"],
  ],
  GraphProto: [
    ["node", 1, "NodeProto", "repeated"],
    ["name", 2, "string"],
    ["initializer", 5, "TensorProto", "repeated"],
    ["input", 11, "ValueInfoProto", "repeated"],
    ["output", 12, "ValueInfoProto", "repeated"],
  ],
  NodeProto: [
    ["input", 1, "string", "repeated"],
    ["output", 2, "string", "repeated"],
    ["name", 3, "string"],
    ["op_type", 4, "string"],
    ["attribute", 5, "AttributeProto", "repeated"],
    ["domain", 7, "string"],
  ],
  AttributeProto: [
    ["name", 1, "string"],
    ["f", 2, "float"],
    ["i", 3, "int64"],
    ["s", 4, "bytes"],
    ["t", 5, "TensorProto"],
    ["floats", 7, "float", "repeated"],
    ["ints", 8, "int64", "repeated"],
    ["type", 20, "int32"],
  ],
  TensorProto: [
    ["dims", 1, "int64", "repeated"],
    ["data_type", 2, "int32"],
    ["name", 8, "string"],
    ["raw_data", 9, "bytes"],
    ["external_data", 13, "StringStringEntryProto", "repeated"],
    ["data_location", 14, "int32"],
  ],
  StringStringEntryProto: [
    ["key", 1, "string"],
    ["value", 2, "string"],
  ],
  ValueInfoProto: [
    ["name", 1, "string"],
    ["type", 2, "TypeProto"],
  ],
  TypeProto: [["tensor_type", 1, "TensorTypeProto"]],
  TensorTypeProto: [
    ["elem_type", 1, "int32"],
    ["shape", 2, "TensorShapeProto"],
  ],
  TensorShapeProto: [["dim", 1, "DimensionProto", "repeated"]],
  DimensionProto: [
    ["dim_value", 1, "int64"],
    ["dim_param", 2, "string"],
  ],
};

const root = new protobuf.Root();
for (const [message, fields] of Object.entries(MESSAGES)) {
  const type = new protobuf.Type(message);
  for (const [name, number, kind, rule] of fields) {
    type.add(new protobuf.Field(name, number, kind, rule));
  }
  root.add(type);
}
const Model = root.lookupType("ModelProto");

export interface EncodeOptions {
  /** Places of initializers that are written as references; all others are stored inside. */
  readonly external?: ReadonlyMap<string, ExternalPlace>;
}

/** Encodes a graph as an ONNX model. */
export function encodeModel(
  graph: Graph,
  { external = new Map() }: EncodeOptions = {},
): Uint8Array {
  const usesContrib = graph.nodes.some((node) => node.domain === "com.microsoft");
  const model = {
    ir_version: IR_VERSION,
    producer_name: "edge-prefix",
    opset_import: [
      { domain: "", version: graph.opset },
      ...(usesContrib ? [{ domain: "com.microsoft", version: CONTRIB_VERSION }] : []),
    ],
    graph: {
      name: "graph",
      node: graph.nodes.map(nodeProto),
      initializer: [...graph.initializers].map(([name, { tensor }]) =>
        tensorProto(name, tensor, external.get(name)),
      ),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  };
  return Model.encode(model).finish();
}

/** Decodes a model into plain objects with onnx.proto3's field names; int64 become numbers. */
export function decodeModel(bytes: Uint8Array): Record<string, unknown> {
  return Model.toObject(Model.decode(bytes), { longs: Number, arrays: true });
}

function nodeProto(node: Node): object {
  // A trailing absent input is left out, an inner one is the empty name.
  const inputs = node.inputs.map((input) => input?.name ?? "");
  while (inputs.at(-1) === "") inputs.pop();
  return {
    name: node.name,
    op_type: node.op,
    domain: node.domain,
    input: inputs,
    output: node.outputs.map((output) => output.name),
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
  };
}

function attributeProto(name: string, value: Attribute): object {
  const isFloat = FLOAT_ATTRIBUTES.has(name);
  if (typeof value === "number") {
    return isFloat
      ? { name, f: value, type: ATTRIBUTE.FLOAT }
      : { name, i: value, type: ATTRIBUTE.INT };
  }
  if (typeof value === "string") {
    return { name, s: encodeUtf8(value), type: ATTRIBUTE.STRING };
  }
  if ("float" in value) return { name, f: value.float, type: ATTRIBUTE.FLOAT };
  if ("floats" in value) return { name, floats: value.floats, type: ATTRIBUTE.FLOATS };
  if ("dtype" in value) return { name, t: tensorProto("", value), type: ATTRIBUTE.TENSOR };
  return isFloat
    ? { name, floats: value, type: ATTRIBUTE.FLOATS }
    : { name, ints: value, type: ATTRIBUTE.INTS };
}

function tensorProto(name: string, { dtype, dims, data }: Tensor, place?: ExternalPlace): object {
  const head = { name, dims, data_type: DATA_TYPES[dtype] };
  if (!place) {
    const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { ...head, raw_data };
  }
  return {
    ...head,
    data_location: EXTERNAL,
    external_data: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
  };
}

const valueInfo = ({ name, dtype, dims }: Value): object => ({
  name,
  type: { tensor_type: { elem_type: DATA_TYPES[dtype], shape: { dim: dims.map(dimension) } } },
});

const dimension = (dim: Dim): object =>
  typeof dim === "number" ? { dim_value: dim } : { dim_param: dim };
