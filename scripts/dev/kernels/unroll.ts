/**
 * Writes out loops over names that begin with $, before AssemblyScript reads a source:
 *
 *   for (const $r of [0, 1]) {            let sum0 = zero;
 *     let sum$r = zero;              ->   let sum1 = zero;
 *   }
 *
 * A kernel keeps its sums in registers, and registers have no index: without this its source would be
 * the same lines over and over. The list holds literals, or tuples of them for `const [$a, $b]`;
 * `upTo(n)` is 0 to n - 1. What a body declares is seen behind the loop, as the braces go too.
 */

const LOOP = /for \(const (\$\w+|\[[^\]]*\]) of ([^{]*)\) \{/;

export function unroll(source: string): string {
  const loop = LOOP.exec(source);
  if (!loop) return source;
  const [head, names = "", list = ""] = loop;
  const begin = loop.index + head.length;
  const end = closingBrace(source, begin);
  const body = source.slice(begin, end);
  const copies = valuesOf(list).map((values) => replaceNames(body, namesOf(names), values));
  return unroll(source.slice(0, loop.index) + copies.join("") + source.slice(end + 1));
}

const namesOf = (names: string): string[] => names.match(/\$\w+/g) ?? [];

/** The values of every turn. Throws a SyntaxError for a list of anything but literals. */
function valuesOf(list: string): string[][] {
  const count = /^upTo\((\d+)\)$/.exec(list.trim())?.[1];
  if (count !== undefined) return Array.from({ length: Number(count) }, (_, i) => [String(i)]);
  try {
    const items = JSON.parse(list.replace(/,\s*\]/g, "]")) as (number | number[])[];
    return items.map((item) => [item].flat().map(String));
  } catch {
    throw new SyntaxError(`unrolled loop: ${list} is no list of numbers`);
  }
}

const replaceNames = (body: string, names: readonly string[], values: readonly string[]): string =>
  names.reduce(
    (text, name, i) =>
      text.replaceAll(new RegExp(`\\${name}(?![A-Za-z0-9])`, "g"), () => values[i] ?? ""),
    body,
  );

/** Index of the brace that closes the block whose body begins at `begin`. */
function closingBrace(source: string, begin: number): number {
  let depth = 1;
  for (let i = begin; i < source.length; i++) {
    if (source[i] === "{") depth++;
    if (source[i] === "}" && --depth === 0) return i;
  }
  throw new SyntaxError("unrolled loop: its block does not end");
}
