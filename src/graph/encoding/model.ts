/**
 * From Graph to the bytes of an ONNX model: the messages of onnx.proto3 (IR version 10) that this
 * project writes. Large constants may live outside the graph as external data.
 *
 * Nothing here reads ONNX: a base's weights are read from its safetensors shards.
 */
import { InputError } from "../../core/errors.ts";
import { encodeUtf8 } from "../../core/text.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import type { Attribute, Dim, Graph, Node, Value } from "../graph.ts";
import { DATA_TYPES } from "../shapes/data-types.ts";
import { bytes, float, int, join, message, text } from "./wire.ts";
import type { Pieces } from "./wire.ts";

/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPE = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, FLOATS: 6, INTS: 7 } as const;
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

/** The numbers of the fields that are written, with onnx.proto3's names. */
const MODEL = { ir_version: 1, producer_name: 2, graph: 7, opset_import: 8 } as const;
const OPERATOR_SET = { domain: 1, version: 2 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, op_type: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE = { name: 1, f: 2, i: 3, s: 4, t: 5, floats: 7, ints: 8, type: 20 } as const;
const TENSOR = {
  dims: 1,
  data_type: 2,
  name: 8,
  raw_data: 9,
  external_data: 13,
  data_location: 14,
} as const;
const STRING_STRING_ENTRY = { key: 1, value: 2 } as const;
const VALUE_INFO = { name: 1, type: 2 } as const;
const TYPE = { tensor_type: 1 } as const;
const TENSOR_TYPE = { elem_type: 1, shape: 2 } as const;
const TENSOR_SHAPE = { dim: 1 } as const;
const DIMENSION = { dim_value: 1, dim_param: 2 } as const;

export interface EncodeOptions {
  /** Places of initializers that are written as references; all others are stored inside. */
  readonly external?: ReadonlyMap<string, ExternalPlace>;
}

/**
 * Encodes a graph as an ONNX model. Throws InputError `onnx-attribute-invalid` for a number that is
 * no integer in an attribute that ONNX types as int.
 */
export function encodeModel(
  graph: Graph,
  { external = new Map() }: EncodeOptions = {},
): Uint8Array {
  const usesContrib = graph.nodes.some((node) => node.domain === "com.microsoft");
  return join([
    int(MODEL.ir_version, IR_VERSION),
    text(MODEL.producer_name, "edge-prefix"),
    message(MODEL.graph, [
      ...graph.nodes.map((node) => message(GRAPH.node, nodeProto(node))),
      text(GRAPH.name, "graph"),
      ...Array.from(graph.initializers, ([name, { tensor }]) =>
        message(GRAPH.initializer, tensorProto(name, tensor, external.get(name))),
      ),
      ...graph.inputs.map((value) => message(GRAPH.input, valueInfo(value))),
      ...graph.outputs.map((value) => message(GRAPH.output, valueInfo(value))),
    ]),
    message(MODEL.opset_import, operatorSet("", graph.opset)),
    ...(usesContrib
      ? [message(MODEL.opset_import, operatorSet("com.microsoft", CONTRIB_VERSION))]
      : []),
  ]);
}

const operatorSet = (domain: string, version: number): Pieces[] => [
  text(OPERATOR_SET.domain, domain),
  int(OPERATOR_SET.version, version),
];

function nodeProto({ name, op, domain, inputs, outputs, attributes }: Node): Pieces[] {
  // A trailing absent input is left out, an inner one is the empty name.
  const names = inputs.map((input) => input?.name ?? "");
  while (names.at(-1) === "") names.pop();
  return [
    ...names.map((input) => text(NODE.input, input)),
    ...outputs.map((output) => text(NODE.output, output.name)),
    text(NODE.name, name),
    text(NODE.op_type, op),
    ...Object.entries(attributes).map(([key, value]) =>
      message(NODE.attribute, attributeProto(op, key, value)),
    ),
    text(NODE.domain, domain),
  ];
}

function attributeProto(op: string, name: string, value: Attribute): Pieces[] {
  const typed = (type: number, fields: readonly Pieces[]): Pieces[] => [
    text(ATTRIBUTE.name, name),
    ...fields,
    int(ATTRIBUTE.type, type),
  ];
  const floats = (values: readonly number[]): Pieces[] =>
    typed(
      ATTRIBUTE_TYPE.FLOATS,
      values.map((item) => float(ATTRIBUTE.floats, item)),
    );
  const integer = (field: number, item: number): Pieces => {
    if (Number.isSafeInteger(item)) return int(field, item);
    throw new InputError(
      "onnx-attribute-invalid",
      `${op}: attribute "${name}" is ${item}, expected an integer; write { float } for a float`,
    );
  };
  const isFloat = FLOAT_ATTRIBUTES.has(name);
  if (typeof value === "number") {
    return isFloat
      ? typed(ATTRIBUTE_TYPE.FLOAT, [float(ATTRIBUTE.f, value)])
      : typed(ATTRIBUTE_TYPE.INT, [integer(ATTRIBUTE.i, value)]);
  }
  if (typeof value === "string") {
    return typed(ATTRIBUTE_TYPE.STRING, [bytes(ATTRIBUTE.s, encodeUtf8(value))]);
  }
  if ("float" in value) return typed(ATTRIBUTE_TYPE.FLOAT, [float(ATTRIBUTE.f, value.float)]);
  if ("floats" in value) return floats(value.floats);
  if ("dtype" in value) {
    return typed(ATTRIBUTE_TYPE.TENSOR, [message(ATTRIBUTE.t, tensorProto("", value))]);
  }
  if (isFloat) return floats(value);
  return typed(
    ATTRIBUTE_TYPE.INTS,
    value.map((item) => integer(ATTRIBUTE.ints, item)),
  );
}

function tensorProto(name: string, { dtype, dims, data }: Tensor, place?: ExternalPlace): Pieces[] {
  const head = [
    ...dims.map((dim) => int(TENSOR.dims, dim)),
    int(TENSOR.data_type, DATA_TYPES[dtype]),
    text(TENSOR.name, name),
  ];
  if (!place) {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [...head, bytes(TENSOR.raw_data, raw)];
  }
  return [
    ...head,
    ...Object.entries(place).map(([key, value]) =>
      message(TENSOR.external_data, [
        text(STRING_STRING_ENTRY.key, key),
        text(STRING_STRING_ENTRY.value, String(value)),
      ]),
    ),
    int(TENSOR.data_location, EXTERNAL),
  ];
}

const valueInfo = ({ name, dtype, dims }: Value): Pieces[] => [
  text(VALUE_INFO.name, name),
  message(VALUE_INFO.type, [
    message(TYPE.tensor_type, [
      int(TENSOR_TYPE.elem_type, DATA_TYPES[dtype]),
      message(
        TENSOR_TYPE.shape,
        dims.map((dim) => message(TENSOR_SHAPE.dim, [dimension(dim)])),
      ),
    ]),
  ]),
];

const dimension = (dim: Dim): Pieces =>
  typeof dim === "number" ? int(DIMENSION.dim_value, dim) : text(DIMENSION.dim_param, dim);
