/**
 * Request bodies of the largest allowed size that are made to cost much: each is a few bytes that are
 * repeated until the limit is reached. None of them can be answered.
 */

export interface WorstBody {
  readonly name: string;
  readonly path: string;
  /** Beside the content type, or in its place. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, of at most `bytes` bytes. */
  make(bytes: number): string;
}

/** What a list of a request can be filled with. */
const ITEMS: Readonly<Record<string, string>> = {
  numbers: "1",
  nulls: "null",
  "empty lists": "[]",
  "empty objects": "{}",
  "empty texts": '""',
  texts: '"a"',
  "lists of one": '["a"]',
  "unknown fields": '{"a":1}',
  "texts that are numbers": '{"text":1}',
  "nested lists": "[[[[1]]]]",
};

const PREDICT = "/v1/tasks/sentiment/predict";

/** `head`, then the items that fit with commas between them, then `tail`. */
function filled(head: string, item: (i: number) => string, tail: string) {
  return (bytes: number): string => {
    const parts: string[] = [];
    let size = head.length + tail.length;
    for (let i = 0; ; i++) {
      const next = item(i);
      size += next.length + 1;
      if (size > bytes) break;
      parts.push(next);
    }
    return head + parts.join(",") + tail;
  };
}

const listsAt = (where: string, path: string, head: string, tail: string): WorstBody[] =>
  Object.entries(ITEMS).map(([name, item]) => ({
    name: `${where}: ${name}`,
    path,
    make: filled(head, () => item, tail),
  }));

const sizeOf = (text: string): number => new TextEncoder().encode(text).byteLength;

const repeated = (head: string, part: string, tail: string) => (bytes: number) =>
  head + part.repeat(Math.floor((bytes - sizeOf(head) - sizeOf(tail)) / sizeOf(part))) + tail;

/** A list of 256 items is allowed: the bytes are spent inside of them. */
const many = (item: (bytes: number) => string) => (bytes: number) => {
  const own = Math.floor((bytes - 20) / 256) - 1;
  return `{"items":[${Array.from({ length: 256 }, () => item(own)).join(",")}]}`;
};

export const WORST_BODIES: readonly WorstBody[] = [
  ...listsAt("inputs", PREDICT, '{"inputs":[', "]}"),
  ...listsAt("inputs of embed", "/v1/embed", '{"inputs":[', "]}"),
  ...listsAt("items", "/v1/predict", '{"items":[', "]}"),
  ...listsAt("ignore_labels", PREDICT, '{"inputs":"a","parameters":{"ignore_labels":[', "]}}"),
  ...listsAt("inputs of an item", "/v1/predict", '{"items":[{"task":"a","inputs":[', "]}]}"),
  { name: "a pair of numbers", path: PREDICT, make: filled('{"inputs":[[', () => "1", "]]}") },
  {
    name: "top_k: numbers",
    path: PREDICT,
    make: filled('{"inputs":"a","parameters":{"top_k":[', () => "1", "]}}"),
  },
  { name: "the body: numbers", path: PREDICT, make: filled("[", () => "1", "]") },
  { name: "the body: empty lists", path: PREDICT, make: filled("[", () => "[]", "]") },
  {
    name: "ignore_labels of every item: numbers",
    path: "/v1/predict",
    make: many((bytes) =>
      filled('{"task":"a","inputs":"a","parameters":{"ignore_labels":[', () => "1", "]}}")(bytes),
    ),
  },
  {
    name: "ignore_labels of every item: texts",
    path: "/v1/predict",
    make: many((bytes) =>
      filled('{"task":"a","inputs":"a","parameters":{"ignore_labels":[', () => '""', "]}}")(bytes),
    ),
  },
  {
    name: "unknown fields",
    path: PREDICT,
    make: filled('{"inputs":"a",', (i) => `"field${i}":1`, "}"),
  },
  {
    name: "unknown parameters",
    path: PREDICT,
    make: filled('{"inputs":"a","parameters":{', (i) => `"field${i}":1`, "}}"),
  },
  {
    name: "fields that are numbers",
    path: PREDICT,
    make: filled('{"inputs":"a",', (i) => `"${i}":1`, "}"),
  },
  {
    name: "options, which are ignored",
    path: PREDICT,
    make: filled('{"inputs":"a","options":{', (i) => `"${i}":{}`, "}}"),
  },
  {
    name: "the same field again and again",
    path: PREDICT,
    make: filled("{", () => '"inputs":[1]', "}"),
  },
  {
    name: "the same parameters again and again",
    path: PREDICT,
    make: filled('{"inputs":"a",', () => '"parameters":{"top_k":0}', "}"),
  },
  { name: "a long key", path: PREDICT, make: repeated('{"', "a", '":1}') },
  { name: "a long key of escapes", path: PREDICT, make: repeated('{"', "\\u0041", '":1}') },
  { name: "a long key of slashes", path: PREDICT, make: repeated('{"', "~/", '":1}') },
  { name: "a number of many digits", path: PREDICT, make: repeated('{"inputs":', "9", "}") },
  {
    name: "a top_k of many digits",
    path: PREDICT,
    make: repeated('{"inputs":"a","parameters":{"top_k":', "9", "}}"),
  },
  {
    name: "a fraction of many digits",
    path: PREDICT,
    make: repeated('{"inputs":"a","parameters":{"top_k":0.', "123456789", "}}"),
  },
  { name: "a text of escaped quotes", path: PREDICT, make: repeated('{"inputs":"', '\\"', '"}') },
  { name: "a text of escapes", path: PREDICT, make: repeated('{"inputs":"', "\\u0041", '"}') },
  { name: "a text of surrogates", path: PREDICT, make: repeated('{"inputs":"', "\\ud800", '"}') },
  { name: "a text of backslashes", path: PREDICT, make: repeated('{"inputs":"', "\\\\", '"}') },
  { name: "a text of spaces", path: PREDICT, make: repeated('{"inputs":"', " ", '"}') },
  {
    name: "a function_to_apply of 2 MB",
    path: PREDICT,
    make: repeated('{"inputs":"a","parameters":{"function_to_apply":"猫', "a", '"}}'),
  },
  {
    name: "a version of 2 MB",
    path: PREDICT,
    make: repeated('{"inputs":"a","parameters":{"version":"', "0", '"}}'),
  },
  {
    name: "a task of 2 MB",
    path: "/v1/predict",
    make: repeated('{"items":[{"inputs":"a","task":"', "a", '"}]}'),
  },
  { name: "nested lists", path: PREDICT, make: repeated("", "[", "") },
  { name: "nested objects", path: PREDICT, make: repeated("", '{"a":', "") },
  {
    name: "shallow lists side by side",
    path: PREDICT,
    make: filled('{"inputs":[', () => "[[[[[[[[]]]]]]]]", "]}"),
  },
  { name: "spaces", path: PREDICT, make: repeated("", " ", "") },
  { name: "quotes", path: PREDICT, make: repeated("", '"', "") },
  { name: "colons", path: PREDICT, make: repeated("", ":", "") },
  { name: "a text that does not end", path: PREDICT, make: repeated('{"inputs":"', "a", "") },
  {
    name: "a small body, and a content type of spaces",
    path: PREDICT,
    headers: { "content-type": `application/json${" ".repeat(15_000)}x` },
    make: () => "{}",
  },
  {
    name: "a small body, and an accept header of commas",
    path: PREDICT,
    headers: { accept: ",".repeat(15_000) },
    make: () => "{}",
  },
  {
    name: "a small body, and an accept header of semicolons and spaces",
    path: PREDICT,
    headers: { accept: `a/b${" ;".repeat(7_000)}` },
    make: () => "{}",
  },
  {
    name: "a small body, and an accept header of kinds",
    path: PREDICT,
    headers: { accept: "a/b;q=1,".repeat(1_900) },
    make: () => "{}",
  },
  {
    name: "a small body, and an authorization of spaces",
    path: PREDICT,
    headers: { authorization: `bearer${" ".repeat(15_000)}x y` },
    make: () => "{}",
  },
];
