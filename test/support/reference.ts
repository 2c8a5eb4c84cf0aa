/**
 * ONNX ops in plain float64 TypeScript: slow, obvious, and independent of any runtime. The gradient
 * tests take central differences with it, which float32 would be too coarse for.
 *
 * Semantics: onnx.ai/onnx/operators at opset 21; FusedMatMul as in ONNX Runtime's contrib ops.
 */
import type { Initializer, Node, Value } from "../../src/graph/graph.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { array, broadcastDims, fail, fill, get, strides } from "./arrays64.ts";
import type { Array64 } from "./arrays64.ts";

type Kernel = (inputs: readonly Array64[], node: Node) => Array64 | Array64[];

/** A graph, or some of its nodes in their order. */
export interface GraphNodes {
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Initializer>;
}

/** Runs every node; returns all values by name. */
export function evaluate(
  graph: GraphNodes,
  feeds: Readonly<Record<string, Array64>>,
): Map<string, Array64> {
  const values = new Map<string, Array64>(Object.entries(feeds));
  for (const [name, { tensor }] of graph.initializers) {
    values.set(name, array(tensor.dims, Float64Array.from(tensor.data, Number)));
  }
  const read = (value: Value | null): Array64 => {
    const found = value && values.get(value.name);
    // An input that is left out is read as an empty list.
    return found ?? (value === null ? array([0], []) : fail(`no value for "${value.name}"`));
  };
  for (const node of graph.nodes) {
    const kernel = KERNELS[node.op] ?? fail(`no reference for ${node.op}`);
    const results = [kernel(node.inputs.map(read), node)].flat();
    for (const [i, output] of node.outputs.entries()) {
      const result = results[i] ?? fail(`${node.op} gave no output ${i}`);
      checkDims(node, output, result.dims);
      values.set(output.name, result);
    }
  }
  return values;
}

/** The graph's inferred dims must hold wherever they are numbers. */
function checkDims(node: Node, output: Value, dims: readonly number[]): void {
  const fits =
    output.dims.length === dims.length &&
    output.dims.every((dim, i) => typeof dim === "string" || dim === dims[i]);
  if (!fits) fail(`${node.op} gave [${dims.join()}], the graph says [${output.dims.join()}]`);
}

const elementwise =
  (f: (...x: number[]) => number): Kernel =>
  (inputs) =>
    fill(broadcastDims(...inputs.map(({ dims }) => dims)), (index) =>
      f(...inputs.map((input) => get(input, index))),
    );

const int = (node: Node, name: string, fallback: number): number => {
  const found = node.attributes[name];
  return typeof found === "number" ? found : fallback;
};

const axisOf = (node: Node, rank: number, fallback: number): number => {
  const axis = int(node, "axis", fallback);
  return axis < 0 ? axis + rank : axis;
};

/** erf by its Taylor series near zero and by a continued fraction of erfc far out: 1e-14 or better. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let [term, sum] = [size, size];
    for (let n = 1; n < 120; n++) {
      term *= -(size * size) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
}

const geluOf = (x: number, form: unknown): number =>
  form === "tanh"
    ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : 0.5 * x * (1 + erf(x / Math.SQRT2));

const product =
  (transA: boolean, transB: boolean, alpha: number): Kernel =>
  (inputs) => {
    const turn = (x: Array64, flip: boolean): Array64 => {
      const last = x.dims.length - 1;
      const order = x.dims.map((_, i) => (i < last - 1 ? i : 2 * last - 1 - i));
      return flip ? permute(x, order) : x;
    };
    const [a, b] = [turn(inputs[0]!, transA), turn(inputs[1]!, transB)];
    const batch = broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2));
    return fill([...batch, a.dims.at(-2)!, b.dims.at(-1)!], (index) => {
      const lead = index.slice(0, -2);
      let sum = 0;
      for (let k = 0; k < a.dims.at(-1)!; k++) {
        sum += get(a, [...lead, index.at(-2)!, k]) * get(b, [...lead, k, index.at(-1)!]);
      }
      return alpha * sum;
    });
  };

function permute(x: Array64, perm: readonly number[]): Array64 {
  return fill(
    perm.map((axis) => x.dims[axis]!),
    (index) => {
      const source = x.dims.map(() => 0);
      perm.forEach((axis, i) => (source[axis] = index[i]!));
      return get(x, source);
    },
  );
}

/** Sums over axes, kept as ones. */
function sumOver(x: Array64, axes: readonly number[]): Array64 {
  const kept = x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const out = { dims: kept, data: new Float64Array(sizeOf(kept)) };
  const [from, to] = [strides(x.dims), strides(kept)];
  x.data.forEach((value, flat) => {
    let place = 0;
    x.dims.forEach((dim, i) => {
      if (!axes.includes(i)) place += (Math.floor(flat / from[i]!) % dim) * to[i]!;
    });
    out.data[place]! += value;
  });
  return out;
}

const reduce =
  (finish: (sum: number, count: number) => number): Kernel =>
  ([x, axes], node) => {
    const rank = x!.dims.length;
    const given = Array.from(axes?.data ?? [], (axis) => (axis < 0 ? axis + rank : axis));
    const over = axes ? given : x!.dims.map((_, i) => i);
    const sums = sumOver(x!, over);
    const count = sizeOf(over.map((axis) => x!.dims[axis]!));
    const data = sums.data.map((sum) => finish(sum, count));
    const dropped = sums.dims.filter((_, i) => !over.includes(i));
    return { dims: int(node, "keepdims", 1) === 1 ? sums.dims : dropped, data };
  };

const logSoftmax: Kernel = ([x], node) => {
  const axis = axisOf(node, x!.dims.length, -1);
  // Less the largest: in a row that is masked as a whole every exp would be 0.
  const peaks = fill(x!.dims.with(axis, 1), (index) =>
    Math.max(...Array.from({ length: x!.dims[axis]! }, (_, i) => get(x!, index.with(axis, i)))),
  );
  const below = elementwise((value, peak) => value - peak)([x!, peaks], node) as Array64;
  const sums = sumOver(map(below, Math.exp), [axis]);
  return elementwise((value, sum) => value - Math.log(sum))([below, sums], node);
};

const layerNorm: Kernel = ([x, gamma, beta], node) => {
  const last = [x!.dims.length - 1];
  const n = x!.dims.at(-1)!;
  const epsilon = int(node, "epsilon", 1e-5);
  const mean = map(sumOver(x!, last), (sum) => sum / n);
  const squares = elementwise((v, m) => (v - m) ** 2)([x!, mean], node) as Array64;
  const invStd = map(sumOver(squares, last), (sum) => 1 / Math.sqrt(sum / n + epsilon));
  const y = elementwise((v, m, s, scale, shift = 0) => (v - m) * s * scale + shift);
  const inputs = [x!, mean, invStd, gamma!, ...(beta ? [beta] : [])];
  return [y(inputs, node) as Array64, mean, invStd];
};

const rmsNorm: Kernel = ([x, gamma], node) => {
  const n = x!.dims.at(-1)!;
  const epsilon = int(node, "epsilon", 1e-5);
  const sums = sumOver(
    map(x!, (value) => value * value),
    [x!.dims.length - 1],
  );
  const invRms = map(sums, (sum) => 1 / Math.sqrt(sum / n + epsilon));
  return [
    elementwise((v, r, scale) => v * r * scale)([x!, invRms, gamma!], node) as Array64,
    invRms,
  ];
};

const map = (x: Array64, f: (value: number) => number): Array64 => ({
  dims: x.dims,
  data: x.data.map(f),
});

const slice: Kernel = ([x, starts, ends, axes]) => {
  const begin = x!.dims.map(() => 0);
  const stop = [...x!.dims];
  starts!.data.forEach((start, i) => {
    const given = axes?.dims[0] ? axes.data[i]! : i;
    const axis = given < 0 ? given + x!.dims.length : given;
    const dim = x!.dims[axis]!;
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + dim : at, 0), dim);
    begin[axis] = clamp(start);
    stop[axis] = clamp(ends!.data[i]!);
  });
  return fill(
    stop.map((end, i) => end - begin[i]!),
    (index) =>
      get(
        x!,
        index.map((at, i) => at + begin[i]!),
      ),
  );
};

const pad: Kernel = ([x, pads, , axes]) => {
  const rank = x!.dims.length;
  const before = x!.dims.map(() => 0);
  const dims = [...x!.dims];
  const list = axes?.dims[0] ? [...axes.data] : x!.dims.map((_, i) => i);
  list.forEach((given, i) => {
    const axis = given < 0 ? given + rank : given;
    before[axis] = pads!.data[i]!;
    dims[axis]! += pads!.data[i]! + pads!.data[i + list.length]!;
  });
  return fill(dims, (index) => {
    const source = index.map((at, i) => at - before[i]!);
    const isInside = source.every((at, i) => at >= 0 && at < x!.dims[i]!);
    return isInside ? get(x!, source) : 0;
  });
};

const concat: Kernel = (parts, node) => {
  const axis = axisOf(node, parts[0]!.dims.length, 0);
  const dims = [...parts[0]!.dims];
  dims[axis] = parts.reduce((total, part) => total + part.dims[axis]!, 0);
  return fill(dims, (index) => {
    let at = index[axis]!;
    for (const part of parts) {
      if (at < part.dims[axis]!) return get(part, index.with(axis, at));
      at -= part.dims[axis]!;
    }
    return fail("concat index");
  });
};

const split: Kernel = ([x, sizes], node) => {
  const axis = axisOf(node, x!.dims.length, 0);
  const count = int(node, "num_outputs", 1);
  const lengths = sizes
    ? [...sizes.data]
    : Array.from({ length: count }, () => x!.dims[axis]! / count);
  let start = 0;
  return lengths.map((length) => {
    const from = start;
    start += length;
    return fill(x!.dims.with(axis, length), (index) =>
      get(x!, index.with(axis, index[axis]! + from)),
    );
  });
};

const gather: Kernel = ([x, indices], node) => {
  const axis = axisOf(node, x!.dims.length, 0);
  const width = indices!.dims.length;
  return fill(x!.dims.toSpliced(axis, 1, ...indices!.dims), (index) => {
    const at = get(indices!, index.slice(axis, axis + width));
    const wrapped = at < 0 ? at + x!.dims[axis]! : at;
    return get(x!, index.toSpliced(axis, width, wrapped));
  });
};

const scatterAdd: Kernel = ([x, indices, updates]) => {
  const out = { dims: x!.dims, data: x!.data.slice() };
  const depth = indices!.dims.at(-1)!;
  const steps = strides(x!.dims);
  const block = sizeOf(x!.dims.slice(depth));
  for (let i = 0; i < indices!.data.length / depth; i++) {
    let place = 0;
    for (let d = 0; d < depth; d++) {
      const at = indices!.data[i * depth + d]!;
      place += (at < 0 ? at + x!.dims[d]! : at) * steps[d]!;
    }
    for (let k = 0; k < block; k++) out.data[place + k]! += updates!.data[i * block + k]!;
  }
  return out;
};

const reshape: Kernel = ([x, shape]) => {
  const dims = Array.from(shape!.data, (dim, i) => (dim === 0 ? x!.dims[i]! : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = x!.data.length / -sizeOf(dims);
  return { dims, data: x!.data };
};

const KERNELS: Readonly<Record<string, Kernel>> = {
  Abs: elementwise(Math.abs),
  Add: elementwise((a, b) => a + b),
  Cast: ([x]) => x!,
  Concat: concat,
  ConstantOfShape: ([shape]) => fill(Array.from(shape!.data), () => 0),
  Cos: elementwise(Math.cos),
  Div: elementwise((a, b) => a / b),
  Equal: elementwise((a, b) => Number(a === b)),
  Erf: elementwise(erf),
  Exp: elementwise(Math.exp),
  Expand: ([x, shape]) => fill(broadcastDims(x!.dims, [...shape!.data]), (index) => get(x!, index)),
  FastGelu: elementwise((x, bias = 0) => geluOf(x + bias, "tanh")),
  Floor: elementwise(Math.floor),
  FusedMatMul: (inputs, node) =>
    product(
      int(node, "transA", 0) === 1,
      int(node, "transB", 0) === 1,
      int(node, "alpha", 1),
    )(inputs, node),
  Gather: gather,
  Gelu: ([x], node) => map(x!, (value) => geluOf(value, node.attributes["approximate"])),
  Greater: elementwise((a, b) => Number(a > b)),
  GreaterOrEqual: elementwise((a, b) => Number(a >= b)),
  HardSigmoid: ([x], node) => {
    const [alpha, beta] = [int(node, "alpha", 0.2), int(node, "beta", 0.5)];
    return map(x!, (value) => Math.min(1, Math.max(0, alpha * value + beta)));
  },
  Identity: ([x]) => x!,
  LayerNormalization: layerNorm,
  Log: elementwise(Math.log),
  LogSoftmax: logSoftmax,
  MatMul: product(false, false, 1),
  Max: elementwise(Math.max),
  Mod: elementwise((a, b) => a % b),
  Mul: elementwise((a, b) => a * b),
  Neg: elementwise((x) => -x),
  Pad: pad,
  Range: ([start, end, step]) => {
    const [from, by] = [start!.data[0]!, step!.data[0]!];
    const count = Math.max(0, Math.ceil((end!.data[0]! - from) / by));
    return fill([count], ([i]) => from + i! * by);
  },
  Reciprocal: elementwise((x) => 1 / x),
  ReduceMean: reduce((sum, count) => sum / count),
  ReduceProd: ([x]) => array([], [sizeOf([...x!.data])]),
  ReduceSum: reduce((sum) => sum),
  Relu: elementwise((x) => Math.max(x, 0)),
  Reshape: reshape,
  ScatterND: scatterAdd,
  Shape: ([x], node) => {
    const dims = x!.dims.slice(int(node, "start", 0), int(node, "end", x!.dims.length));
    return array([dims.length], dims);
  },
  Sigmoid: elementwise((x) => 1 / (1 + Math.exp(-x))),
  SimplifiedLayerNormalization: rmsNorm,
  Sin: elementwise(Math.sin),
  Slice: slice,
  Softmax: (inputs, node) => map(logSoftmax(inputs, node) as Array64, Math.exp),
  Softplus: elementwise((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Split: split,
  Sqrt: elementwise(Math.sqrt),
  Squeeze: ([x, axes]) => {
    const gone = Array.from(axes!.data, (axis) => (axis < 0 ? axis + x!.dims.length : axis));
    return { dims: x!.dims.filter((_, i) => !gone.includes(i)), data: x!.data };
  },
  Sub: elementwise((a, b) => a - b),
  Sum: elementwise((...terms) => terms.reduce((a, b) => a + b)),
  Tanh: elementwise(Math.tanh),
  Transpose: ([x], node) => {
    const { perm } = node.attributes;
    const reversed = x!.dims.map((_, i) => x!.dims.length - 1 - i);
    return permute(x!, Array.isArray(perm) ? (perm as number[]) : reversed);
  },
  Unsqueeze: ([x, axes]) => {
    const rank = x!.dims.length + axes!.data.length;
    const added = Array.from(axes!.data, (axis) => (axis < 0 ? axis + rank : axis));
    let next = 0;
    const dims = Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : x!.dims[next++]!));
    return { dims, data: x!.data };
  },
  Where: elementwise((condition, a, b) => (condition ? a : b)),
};
