/**
 * Dimensions that may be known only when the graph runs: numbers, symbols and products of both.
 *
 * A Dim is a number or a string. A string is a product in normal form: the integer coefficient
 * first when it is not 1, then the symbols sorted, joined by "*": "B", "B*T", "12*B". Any
 * other text, such as the "P+T" of a concatenation, counts as one opaque symbol.
 */
import { InputError } from "../../core/errors.ts";

export type Dim = number | string;

interface Product {
  readonly coefficient: number;
  readonly symbols: readonly string[];
}

function parse(dim: Dim): Product {
  if (typeof dim === "number") return { coefficient: dim, symbols: [] };
  let coefficient = 1;
  const symbols: string[] = [];
  for (const factor of dim.split("*")) {
    if (/^\d+$/.test(factor)) coefficient *= Number(factor);
    else symbols.push(factor);
  }
  return { coefficient, symbols };
}

function format({ coefficient, symbols }: Product): Dim {
  if (symbols.length === 0 || coefficient === 0) return coefficient;
  const sorted = symbols.toSorted();
  return (coefficient === 1 ? sorted : [String(coefficient), ...sorted]).join("*");
}

/** Normal form, so that equal products are equal strings. */
export const normalDim = (dim: Dim): Dim => format(parse(dim));

/** Product of dimensions: product(["B", "T", 4]) is "4*B*T". */
export function product(dims: readonly Dim[]): Dim {
  const parts = dims.map(parse);
  return format({
    coefficient: parts.reduce((total, part) => total * part.coefficient, 1),
    symbols: parts.flatMap((part) => part.symbols),
  });
}

/** Quotient when it is exact, undefined when it cannot be known: quotient("B*T", "B") is "T". */
export function quotient(dividend: Dim, divisor: Dim): Dim | undefined {
  const above = parse(dividend);
  const below = parse(divisor);
  const rest = [...above.symbols];
  for (const symbol of below.symbols) {
    const at = rest.indexOf(symbol);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  if (below.coefficient === 0 || above.coefficient % below.coefficient !== 0) return undefined;
  return format({ coefficient: above.coefficient / below.coefficient, symbols: rest });
}

/** Sum of dimensions: numbers add up, symbols join with "+" in the order given. */
export function sum(dims: readonly Dim[]): Dim {
  const total = dims.reduce<number>((n, dim) => (typeof dim === "number" ? n + dim : n), 0);
  const symbols = dims.filter((dim) => typeof dim === "string");
  if (symbols.length === 0) return total;
  return [...symbols, ...(total === 0 ? [] : [String(total)])].join("+");
}

/** NumPy broadcasting of shapes, aligned at the right; throws `onnx-shape-mismatch`. */
export function broadcast(subject: string, ...shapes: (readonly Dim[])[]): Dim[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    let result: Dim = 1;
    for (const shape of shapes) {
      const dim = shape[i - rank + shape.length] ?? 1;
      if (dim === 1 || dim === result) continue;
      if (result !== 1) {
        throw new InputError(
          "onnx-shape-mismatch",
          `${subject}: cannot broadcast ${shapes.map(showDims).join(" with ")} (${String(result)} against ${String(dim)}); expected equal dimensions or 1`,
        );
      }
      result = dim;
    }
    return result;
  });
}

/** "[B, T, 384]" for messages. */
export const showDims = (dims: readonly Dim[]): string => `[${dims.join(", ")}]`;
