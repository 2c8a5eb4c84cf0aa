/**
 * Schemas that cost what they allow, not what was sent. The schema library looks at every item of a
 * list and at every branch of a union, and keeps each complaint with the value that caused it: two
 * megabytes of wrong items cost seconds and a gigabyte that way. Here a list that is too long is not
 * looked into, one with many wrong items is left after the first few, and of a union only the branch
 * for the kind of the value is tried.
 *
 * Each is a schema of the library with its own way to run, so types and the OpenAPI document are made
 * from them as from the library's own.
 */
import * as v from "valibot";

/** Complaints that are collected before the rest of a list is left alone. */
export const MAX_ISSUES = 10;

type Issue = v.BaseIssue<unknown>;
type Config = v.Config<Issue>;
/** A schema at work; valibot's datasets differ only in how sure it is of the value's type. */
type Run = (dataset: v.UnknownDataset, config: Config) => v.OutputDataset<unknown, Issue>;

/** A list of at most `max` items; one that is longer is refused unread. */
export function list<const T extends v.GenericSchema>(item: T, max = Infinity) {
  const schema = v.array(item);
  return withRun(schema, ({ value: input }, config) => {
    if (!Array.isArray(input)) return schema["~run"]({ value: input }, config);
    const items: readonly unknown[] = input;
    if (items.length > max) {
      const message = `has ${items.length} items, allowed are ${max}`;
      return outcome([], [refusal(input, { expected: null, received: "Array", message })]);
    }
    const issues: Issue[] = [];
    const values: unknown[] = [];
    for (let key = 0; key < items.length && issues.length < MAX_ISSUES; key++) {
      const value = items[key];
      const found = item["~run"]({ value }, config);
      values.push(found.value);
      const place = { type: "array", origin: "value", input, key, value } as const;
      for (const issue of found.issues ?? []) {
        issues.push({ ...issue, path: [place, ...(issue.path ?? [])] });
      }
    }
    return outcome(values, issues);
  });
}

/** An object with these fields and no others; the complaint about another says which there are. */
export function fields<const T extends v.ObjectEntries>(entries: T) {
  const schema = v.strictObject(entries, (issue) =>
    issue.expected === "never"
      ? `is not known here, allowed are ${Object.keys(entries).join(", ")}`
      : issue.message,
  );
  return withRun(schema, (dataset, config) => {
    const { value: input } = dataset;
    // To the library a list is an object whose fields are its places.
    if (!Array.isArray(input)) return schema["~run"](dataset, config);
    const message = `is a list, expected an object with ${Object.keys(entries).join(", ")}`;
    return outcome(input, [refusal(input, { expected: null, received: "Array", message })]);
  });
}

/** One of several kinds of values: a text, an object, a list; at most one schema for each. */
export function oneKindOf<const T extends readonly v.GenericSchema[]>(options: T) {
  const schema = v.union(options);
  return withRun(schema, (dataset, config) => {
    const kind = kindOf(dataset.value);
    const meant = options.find(({ expects }) => expects === kind) ?? schema;
    return meant["~run"](dataset, config);
  });
}

/** The kind of a value in the library's words. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "Array";
  return typeof value === "object" && value !== null ? "Object" : typeof value;
}

const withRun = <S extends v.GenericSchema>(schema: S, run: Run): S => ({ ...schema, "~run": run });

const refusal = (
  input: unknown,
  { expected, received, message }: Pick<Issue, "expected" | "received" | "message">,
): Issue => ({ kind: "schema", type: "bounded", input, expected, received, message });

function outcome(value: unknown, [first, ...more]: readonly Issue[]): ReturnType<Run> {
  return first === undefined
    ? { typed: true, value }
    : { typed: false, value, issues: [first, ...more] };
}
