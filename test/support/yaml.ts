/**
 * A strict reader of the YAML that model cards use: nested maps and lists in block style, plain or
 * JSON-quoted scalars. Whatever else a line may be is an error, so what it reads, any YAML reads.
 */
type Value = string | number | Value[] | { [key: string]: Value };
interface Line {
  readonly depth: number;
  readonly text: string;
}

/** Front matter of a Markdown file, parsed. */
export function readFrontMatter(markdown: string): { [key: string]: Value } {
  const match = /^---\n([\s\S]*?)\n---\n/.exec(markdown);
  if (!match) throw new Error("has no front matter");
  const lines = match[1]!.split("\n").map((line): Line => {
    const text = line.trimStart();
    return { depth: line.length - text.length, text };
  });
  const value = readMap(lines, 0);
  if (lines.length > 0) throw new Error(`left over: ${lines[0]!.text}`);
  return value;
}

function readMap(lines: Line[], depth: number): { [key: string]: Value } {
  const map: { [key: string]: Value } = {};
  while (lines[0]?.depth === depth && !lines[0].text.startsWith("- ")) {
    const { text } = lines.shift()!;
    const match = /^("(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*):(?: (.+))?$/.exec(text);
    if (!match) throw new Error(`no "key: value": ${text}`);
    const key = readScalar(match[1]!) as string;
    if (Object.hasOwn(map, key)) throw new Error(`key twice: ${key}`);
    map[key] = match[2] === undefined ? readNested(lines, depth) : readScalar(match[2]);
  }
  return map;
}

function readNested(lines: Line[], depth: number): Value {
  const [next] = lines;
  if (!next) throw new Error("a value is missing at the end");
  if (next.text.startsWith("- ")) return readList(lines, next.depth);
  if (next.depth <= depth) throw new Error(`a value is missing before: ${next.text}`);
  return readMap(lines, next.depth);
}

function readList(lines: Line[], depth: number): Value[] {
  const list: Value[] = [];
  while (lines[0]?.depth === depth && lines[0].text.startsWith("- ")) {
    const content = lines[0].text.slice(2);
    if (/^("(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*):( |$)/.test(content)) {
      lines[0] = { depth: depth + 2, text: content };
      list.push(readMap(lines, depth + 2));
    } else {
      lines.shift();
      list.push(readScalar(content));
    }
  }
  return list;
}

function readScalar(text: string): string | number {
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (/^-?\d+(\.\d+)?(e-?\d+)?$/.test(text)) return Number(text);
  if (!/^[A-Za-z_][\w./+-]*$/.test(text)) throw new Error(`no plain scalar: ${text}`);
  if (/^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i.test(text)) {
    throw new Error(`would not be a string: ${text}`);
  }
  return text;
}
