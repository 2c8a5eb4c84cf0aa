/**
 * The parts that gradient rules share, all about shapes: sum over broadcast dimensions, put a slice
 * back between zeros, take a value's shape from another value. Everything here works while B and T are symbols:
 * a shape is a constant where it can be and is read from the tensor at run time where it cannot.
 */
import { InputError } from "../../core/errors.ts";
import { product, showDims } from "../shapes/dims.ts";
import type { Dim, Graph, Node, Value } from "../graph.ts";
import { Add, Cast, Concat, ReduceSum, Shape, Sub, Transpose, Unsqueeze } from "../ops.ts";

/** Largest int64 that every runtime takes as "to the end" of a Slice. */
const TO_THE_END = 2 ** 31 - 1;

/** Input `i` of a node; throws where the node leaves it out. */
export function inputOf(node: Node, i: number): Value {
  return node.inputs[i] ?? missingRule(node, `without input ${i}`);
}

/** Throws `gradient-missing-rule`: the op has a rule, but not for this form of it. */
export function missingRule(node: Node, form: string): never {
  throw new InputError(
    "gradient-missing-rule",
    `${node.op} "${node.name}": has no gradient rule ${form}`,
  );
}

/** Integer attribute or its default. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes[name];
  return typeof found === "number" ? found : fallback;
}

/** Float attribute or its default. */
export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes[name];
  if (typeof found === "object" && "float" in found) return found.float;
  return typeof found === "number" ? found : fallback;
}

/** Axis attribute counted from the front of `x`. */
export function axisOf(node: Node, x: Value, fallback: number): number {
  return fromFront(intAttribute(node, "axis", fallback), x.dims.length);
}

/** Axes of a reduction, Squeeze or Unsqueeze (constant input 1), from the front; default all. */
function axesOf(node: Node, rank: number): number[] {
  const axes = node.inputs[1] && constantInts(node.inputs[1]);
  if (node.inputs[1] && !axes) missingRule(node, "for axes known only at run time");
  return axes
    ? axes.map((axis) => fromFront(axis, rank))
    : Array.from({ length: rank }, (_, i) => i);
}

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function constantInts(value: Value): number[] | undefined {
  const tensor = value.constant;
  return tensor?.dtype === "int64" ? Array.from(tensor.data, Number) : undefined;
}

/** The dims of `x` as a 1-D int64 value. */
function shapeOf(g: Graph, x: Value): Value {
  const fixed = x.dims.filter((dim) => typeof dim === "number");
  return fixed.length === x.dims.length ? g.ints(...fixed) : Shape(g, x, 0, x.dims.length);
}

/** Dimension `axis` of `x` as a [1] int64 value. */
function lengthOf(g: Graph, x: Value, axis: number): Value {
  const dim = x.dims[axis]!;
  return typeof dim === "number" ? g.ints(dim) : Shape(g, x, axis, axis + 1);
}

/** Zeros in the shape of `x`. */
export const zerosLike = (g: Graph, x: Value): Value =>
  g.add("ConstantOfShape", [shapeOf(g, x)], {}, { dims: x.dims });

/** `value`, which has ones where `x` does not, repeated to the shape of `x`. */
const expandLike = (g: Graph, value: Value, x: Value): Value =>
  g.add("Expand", [value, shapeOf(g, x)], {}, { dims: x.dims });

/** The elements of `value` in the shape of `x`. */
export function reshapeLike(g: Graph, value: Value, x: Value): Value {
  if (isSame(value.dims, x.dims)) return value;
  // 0 copies a dimension that stands at the same place, one -1 is worked out by the runtime.
  const spec = x.dims.map((dim, i) =>
    value.dims[i] === dim ? 0 : typeof dim === "number" ? dim : -1,
  );
  const isEnough = spec.filter((dim) => dim === -1).length <= 1 && !x.dims.includes(0);
  return g.add(
    "Reshape",
    [value, isEnough ? g.ints(...spec) : shapeOf(g, x)],
    {},
    { dims: x.dims },
  );
}

/** x [.., K] -> [rows, K]. */
export const toRows = (g: Graph, x: Value): Value =>
  g.add(
    "Reshape",
    [x, g.ints(-1, numberOf(x.dims.at(-1)!))],
    {},
    {
      dims: [product(x.dims.slice(0, -1)), x.dims.at(-1)!],
    },
  );

function numberOf(dim: Dim): number {
  return typeof dim === "number" ? dim : -1;
}

const isSame = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i]);

/** Undoes broadcasting: sums `value` over every dimension in which `x` was repeated. */
export function sumTo(g: Graph, value: Value, x: Value): Value {
  if (isSame(value.dims, x.dims)) return value;
  const extra = value.dims.length - x.dims.length;
  const axes = value.dims.flatMap((dim, i) => {
    if (i < extra) return [i];
    const kept = x.dims[i - extra]!;
    if (kept === dim) return [];
    if (kept === 1) return [i];
    throw new InputError(
      "gradient-shape-mismatch",
      `gradient ${showDims(value.dims)} of "${x.name}" ${showDims(x.dims)}: cannot tell whether ${kept} was broadcast to ${dim}; give equal dimensions one name`,
    );
  });
  return reshapeLike(g, ReduceSum(g, value, { axes, keepdims: extra === 0 }), x);
}

/** dy of a reduction in the shape of its input `x`. */
export function spreadLike(g: Graph, node: Node, dy: Value, x: Value): Value {
  const axes = axesOf(node, x.dims.length);
  const kept = intAttribute(node, "keepdims", 1) === 1 || axes.length === 0;
  return expandLike(g, kept ? dy : Unsqueeze(g, dy, ...axes), x);
}

/** How many elements of `x` a reduction turns into one: 1 / n as a float scalar. */
export function shareOf(g: Graph, node: Node, x: Value, y: Value): Value {
  const n = product(axesOf(node, x.dims.length).map((axis) => x.dims[axis]!));
  return typeof n === "number" ? g.scalar(1 / n) : g.add("Div", [countOf(g, y), countOf(g, x)]);
}

const countOf = (g: Graph, x: Value): Value =>
  Cast(g, g.add("ReduceProd", [shapeOf(g, x)], { keepdims: 0 }), "float32");

/** Part `i` of `whole`, the gradient of parts that were concatenated along `axis`. */
export function sliceLike(
  g: Graph,
  whole: Value,
  parts: readonly Value[],
  i: number,
  axis: number,
): Value {
  const lengths = parts.slice(0, i).map((part) => lengthOf(g, part, axis));
  const start = addAll(g, lengths);
  const end =
    i === parts.length - 1 ? g.ints(TO_THE_END) : addAll(g, [start, lengthOf(g, parts[i]!, axis)]);
  return g.add("Slice", [whole, start, end, g.ints(axis)], {}, { dims: parts[i]!.dims });
}

/** Sum of [1] int64 values, folded where all are constants. */
function addAll(g: Graph, values: readonly Value[]): Value {
  const known = values.map(constantInts);
  if (known.every((ints) => ints !== undefined)) {
    return g.ints(known.reduce((total, ints) => total + ints[0]!, 0));
  }
  return values.filter((value) => constantInts(value)?.[0] !== 0).reduce((a, b) => Add(g, a, b));
}

/** dy of a Slice in the shape of its input `x`, zeros around it. */
export function padLike(g: Graph, node: Node, dy: Value, x: Value): Value {
  const starts = inputOf(node, 1);
  const steps = node.inputs[4] && constantInts(node.inputs[4]);
  const axes = node.inputs[3] ? constantInts(node.inputs[3]) : starts.dims.map((_, i) => i);
  const from = constantInts(starts);
  if (!axes || !from || (node.inputs[4] && !steps?.every((step) => step === 1))) {
    return missingRule(
      node,
      "for steps other than 1, or for starts or axes known only at run time",
    );
  }
  const before = axes.map((given, i) => {
    const axis = fromFront(given, x.dims.length);
    return from[i]! >= 0 ? g.ints(from[i]!) : Add(g, lengthOf(g, x, axis), g.ints(from[i]!));
  });
  const after = axes.map((given, i) => {
    const axis = fromFront(given, x.dims.length);
    return Sub(g, Sub(g, lengthOf(g, x, axis), lengthOf(g, dy, axis)), before[i]!);
  });
  const pads = Concat(g, [...before, ...after], 0);
  return g.add("Pad", [dy, pads, null, g.ints(...axes)], {}, { dims: x.dims });
}

/** dy of a Gather along `axis`, added up into zeros in the shape of `x`. */
export function scatterLike(g: Graph, dy: Value, x: Value, indices: Value, axis: number): Value {
  const rank = x.dims.length;
  const width = indices.dims.length;
  const places = Unsqueeze(g, indices, width);
  if (axis === 0) return scatterAdd(g, zerosLike(g, x), places, dy);
  // ScatterND writes along leading axes: bring the gathered axis to the front and back again.
  const toFront = [axis, ...range(0, axis), ...range(axis + 1, rank)];
  const rows = [
    ...range(axis, axis + width),
    ...range(0, axis),
    ...range(axis + width, rank - 1 + width),
  ];
  const zeros = Transpose(g, zerosLike(g, x), toFront);
  const summed = scatterAdd(g, zeros, places, Transpose(g, dy, rows));
  return Transpose(g, summed, inverse(toFront));
}

const scatterAdd = (g: Graph, zeros: Value, places: Value, rows: Value): Value =>
  g.add("ScatterND", [zeros, places, rows], { reduction: "add" });

/** The permutation that undoes `perm`. */
export const inverse = (perm: readonly number[]): number[] => perm.map((_, i) => perm.indexOf(i));

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);

/** Calls `make` at the first call and keeps its result: for values that several gradients share. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
