/**
 * Shape inference of the ops that place numbers without computing any: reshaping, joining, cutting,
 * picking, spreading.
 */
import { broadcast, product, quotient, showDims, sum } from "./dims.ts";
import type { Dim } from "./dims.ts";
import { axisOf, constantInts, int, intList } from "./infer-call.ts";
import type { Call, Inferred, Rule } from "./infer-call.ts";

const reshape: Rule = (call) => {
  const x = call.at(0);
  const shape = constantInts(call, 1);
  if (!shape) {
    if (!call.stated) return call.fail("the shape is known only at run time: state the dims");
    return [{ dtype: x.dtype, dims: call.stated }];
  }
  const known = shape.map((dim, i): Dim => {
    if (dim !== 0) return dim === -1 ? 1 : dim;
    return x.dims[i] ?? call.fail(`shape copies dimension ${i}, which the input does not have`);
  });
  const [size, knownSize] = [product(x.dims), product(known)];
  const rest = quotient(size, knownSize);
  const isNumeric = typeof size === "number" && typeof knownSize === "number";
  const open = shape.indexOf(-1);
  if (open < 0) {
    const isWrong = rest === undefined ? isNumeric : rest !== 1;
    if (isWrong) call.fail(`cannot become ${showDims(known)}`);
    return [{ dtype: x.dtype, dims: known }];
  }
  known[open] = rest ?? call.stated?.[open] ?? call.fail(`cannot tell dimension ${open}: state it`);
  return [{ dtype: x.dtype, dims: known }];
};

const concat: Rule = (call) => {
  const first = call.at(0);
  const axis = axisOf(call, int(call, "axis"), first.dims.length);
  const dims = first.dims.map((dim, i) =>
    i === axis ? sum(call.inputs.map((input) => input!.dims[i] ?? call.fail("ranks differ"))) : dim,
  );
  for (const input of call.inputs) {
    if (input!.dtype !== first.dtype) call.fail("inputs must share one dtype");
    if (input!.dims.some((dim, i) => i !== axis && dim !== dims[i])) {
      call.fail(`dimensions other than axis ${axis} must be equal`);
    }
  }
  return [{ dtype: first.dtype, dims }];
};

const split: Rule = (call) => {
  const x = call.at(0);
  const axis = axisOf(call, int(call, "axis", 0), x.dims.length);
  const sizes = call.inputs[1]
    ? (constantInts(call, 1) ?? call.fail("split sizes must be a constant"))
    : Array.from({ length: int(call, "num_outputs") }, (_, i, n = int(call, "num_outputs")) => {
        const part = quotient(x.dims[axis]!, n);
        return part ?? call.fail(`cannot split dimension ${axis} in ${n} equal parts (part ${i})`);
      });
  return sizes.map((size) => ({ dtype: x.dtype, dims: x.dims.with(axis, size) }));
};

const slice: Rule = (call) => {
  const x = call.at(0);
  const [starts, ends] = [constantInts(call, 1), constantInts(call, 2)];
  const rank = x.dims.length;
  const axes = call.inputs[3]
    ? (constantInts(call, 3) ?? call.fail("axes must be a constant"))
    : Array.from({ length: rank }, (_, i) => i);
  const steps = call.inputs[4] ? constantInts(call, 4) : axes.map(() => 1);
  const dims = [...x.dims];
  axes.forEach((given, i) => {
    const axis = axisOf(call, given, rank);
    const [dim, start, end, step] = [x.dims[axis]!, starts?.[i], ends?.[i], steps?.[i]];
    const state = (): Dim => call.stated?.[axis] ?? call.fail(`cannot tell axis ${axis}: state it`);
    if (start === undefined || end === undefined || step === undefined) dims[axis] = state();
    else if (typeof dim === "number") dims[axis] = sliceLength(dim, start, end, step);
    else if (start === 0 && end >= 2 ** 31 - 1 && step === 1) dims[axis] = dim;
    // A constant window of a symbolic axis, such as [0, 1), is taken to lie inside it.
    else if (step === 1 && start >= 0 === end >= 0 && end - start > 0 && end < 2 ** 31 - 1) {
      dims[axis] = call.stated?.[axis] ?? end - start;
    } else dims[axis] = state();
  });
  return [{ dtype: x.dtype, dims }];
};

function sliceLength(dim: number, start: number, end: number, step: number): number {
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  return Math.max(0, Math.ceil((clamp(end, low, high) - clamp(start, low, high)) / step));
}

const gather: Rule = (call) => {
  const [x, indices] = [call.at(0), call.at(1)];
  const axis = axisOf(call, int(call, "axis", 0), x.dims.length);
  return [{ dtype: x.dtype, dims: x.dims.toSpliced(axis, 1, ...indices.dims) }];
};

/** Two 4-bit or one 8-bit number a byte of the table; gather_axis 0, the rows quantized along axis 1. */
const gatherPacked: Rule = (call) => {
  const [table, indices] = [call.at(0), call.at(1)];
  const width = (Number(table.dims[1]) * 8) / int(call, "bits", 4);
  return [{ dtype: call.at(2).dtype, dims: [...indices.dims, width] }];
};

const pad: Rule = (call) => {
  const x = call.at(0);
  const pads = constantInts(call, 1);
  const rank = x.dims.length;
  if (!pads) return [{ dtype: x.dtype, dims: call.stated ?? call.fail("state the dims") }];
  const dims = x.dims.map((dim, i) => sum([dim, pads[i]! + pads[i + rank]!]));
  return [{ dtype: x.dtype, dims }];
};

const transpose: Rule = (call) => {
  const x = call.at(0);
  const perm = intList(call, "perm") ?? x.dims.map((_, i) => x.dims.length - 1 - i);
  if (perm.length !== x.dims.length || new Set(perm).size !== perm.length) {
    call.fail(`perm [${perm.join(", ")}] does not fit rank ${x.dims.length}`);
  }
  const dims = perm.map((i) => x.dims[i] ?? call.fail(`perm names axis ${i}`));
  return [{ dtype: x.dtype, dims }];
};

const squeeze: Rule = (call) => {
  const x = call.at(0);
  const axes = constantInts(call, 1) ?? call.fail("axes must be a constant");
  const dropped = new Set(axes.map((axis) => axisOf(call, axis, x.dims.length)));
  for (const axis of dropped) {
    if (x.dims[axis] !== 1) call.fail(`axis ${axis} is ${x.dims[axis]}, expected 1`);
  }
  return [{ dtype: x.dtype, dims: x.dims.filter((_, i) => !dropped.has(i)) }];
};

const unsqueeze: Rule = (call) => {
  const x = call.at(0);
  const axes = constantInts(call, 1) ?? call.fail("axes must be a constant");
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(call, axis, rank)));
  let next = 0;
  const dims = Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : x.dims[next++]!));
  return [{ dtype: x.dtype, dims }];
};

/** Output shaped by an int64 vector at input `i`: Expand, ConstantOfShape, Range, OneHot. */
const runtimeShape = (call: Call, i: number): readonly Dim[] =>
  constantInts(call, i) ??
  call.stated ??
  call.fail("the shape is known only at run time: state the dims");

const expand: Rule = (call) => {
  const x = call.at(0);
  const shape = constantInts(call, 1);
  const dims = shape ? broadcast(call.op, x.dims, shape) : runtimeShape(call, 1);
  return [{ dtype: x.dtype, dims }];
};

const constantOfShape: Rule = (call) => {
  const value = call.attributes["value"];
  const dtype = typeof value === "object" && "dtype" in value ? value.dtype : "float32";
  return [{ dtype, dims: runtimeShape(call, 0) }];
};

const int64Vector = (length: Dim): Inferred => ({ dtype: "int64", dims: [length] });

export const LAYOUT_RULES: Readonly<Record<string, Rule>> = {
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Gather: gather,
  GatherBlockQuantized: gatherPacked,
  GatherElements: ({ at }) => [{ dtype: at(0).dtype, dims: at(1).dims }],
  OneHot: (call) => [{ dtype: call.at(2).dtype, dims: call.stated ?? call.fail("state the dims") }],
  Pad: pad,
  Range: (call) => [{ dtype: call.at(0).dtype, dims: call.stated ?? call.fail("state the dims") }],
  Reshape: reshape,
  Shape: (call) => {
    const rank = call.at(0).dims.length;
    const start = int(call, "start", 0);
    return [int64Vector(sliceLength(rank, start, int(call, "end", rank), 1))];
  },
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
