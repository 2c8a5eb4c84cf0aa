/** The reader of untrusted objects: every failure names the file, the field, the find and what is allowed. */
import { describe as group, expect, test } from "vitest";
import { describe, readRecord } from "../../../src/core/record.ts";
import type { RecordReader } from "../../../src/core/record.ts";
import { formatError } from "../../support/hostile.ts";

const open = (value: unknown) => readRecord(value, "task.json", "task-invalid");

group("readRecord", () => {
  test.each([
    [null, "null"],
    [undefined, "missing"],
    [[1, 2], "an array of 2"],
    ["text", '"text"'],
    [5, "5"],
    [true, "true"],
  ])("refuses %j, which is no object", (value, found) => {
    const error = formatError(() => open(value));
    expect(error.code).toBe("task-invalid");
    expect(error.message).toBe(`task.json: is ${found}, expected an object`);
  });

  test("reads what is there", () => {
    const r = open({ s: "a", n: 0.5, c: 3, l: [1, 2], o: { x: "y" }, e: "two", z: null });
    expect(r.string("s")).toBe("a");
    expect(r.string("s", /^[ab]$/)).toBe("a");
    expect(r.number("n", 0, 1)).toBe(0.5);
    expect(r.count("c", 3, 3)).toBe(3);
    expect(r.list("l", 2, (item) => item)).toEqual([1, 2]);
    expect(r.record("o").string("x")).toBe("y");
    expect(r.oneOf("e", ["one", "two"])).toBe("two");
    expect(r.raw("o")).toEqual({ x: "y" });
    expect(r.fields()).toEqual(["s", "n", "c", "l", "o", "e", "z"]);
    expect([r.has("s"), r.has("z"), r.has("nothing")]).toEqual([true, false, false]);
  });

  test.each<[string, (r: RecordReader) => unknown, string]>([
    ["string", (r) => r.string("x"), "a string"],
    ["pattern", (r) => r.string("text", /^q$/), "a string like ^q$"],
    ["oneOf", (r) => r.oneOf("x", ["a", "b"]), 'one of "a", "b"'],
    ["number", (r) => r.number("x", 0, 1), "a number from 0 to 1"],
    ["count", (r) => r.count("x", 0, 9), "an integer from 0 to 9"],
    ["fraction", (r) => r.count("half", 0, 9), "an integer from 0 to 9"],
    ["below", (r) => r.number("half", 1, 2), "a number from 1 to 2"],
    ["above", (r) => r.count("ten", 1, 9), "an integer from 1 to 9"],
    ["list", (r) => r.list("x", 1, () => 0), "an array"],
    ["long list", (r) => r.list("items", 1, () => 0), "an array of at most 1 items"],
    ["record", (r) => r.record("text"), "an object"],
  ])("a wrong %s says what is expected", (_, read, expected) => {
    const r = open({ text: "t", half: 0.5, ten: 10, items: [1, 2] });
    const error = formatError(() => read(r));
    expect(error.code).toBe("task-invalid");
    expect(error.message.startsWith("task.json: ")).toBe(true);
    expect(error.message.endsWith(`expected ${expected}`)).toBe(true);
  });

  test("inherited properties are no fields, and hostile names are ordinary ones", () => {
    const r = open(JSON.parse('{"__proto__": {"admin": "yes"}, "constructor": "c"}'));
    expect(r.has("admin")).toBe(false);
    expect(r.has("toString")).toBe(false);
    expect(r.string("constructor")).toBe("c");
    expect(r.record("__proto__").string("admin")).toBe("yes");
  });

  test("items of a list are named by their place", () => {
    const names: string[] = [];
    open({ l: ["a", "b"] }).list("l", 5, (_, name) => names.push(name));
    expect(names).toEqual(['task.json: "l"[0]', 'task.json: "l"[1]']);
  });

  test("not a number is no number", () => {
    expect(formatError(() => open({ x: NaN }).number("x", 0, 1)).code).toBe("task-invalid");
    expect(formatError(() => open({ x: Infinity }).number("x", 0, 1)).code).toBe("task-invalid");
  });
});

test("a long value is cut in a description", () => {
  expect(describe("x".repeat(1e6))).toHaveLength(60);
  expect(describe({})).toBe("an object");
});
