/** docs/errors.md explains every error code of the source; the search for codes is tested by itself. */
import { describe, expect, it } from "vitest";
import { codesOf, findErrorCodes, statusesOf } from "../../../scripts/dev/docs/error-codes.ts";
import { MEANINGS } from "../../../scripts/dev/docs/error-meanings.ts";
import { allCodes } from "../../../scripts/dev/docs/errors.ts";

/** Where a code is handed on; the calls of these functions are searched instead. */
const HANDED_ON = [
  "batch-client.ts: code",
  "batch-client.ts: code",
  "local-run.ts: plan.problem.code",
  "files.ts: code",
  "record.ts: code",
  "text-encoding.ts: `${kind}-invalid`",
  "requests.ts: code",
  "requests.ts: code",
  "trust.ts: cause.code",
  "trust.ts: error.code",
];

describe("the list of meanings", () => {
  it("has a line for every code that the source uses", () => {
    expect(allCodes().filter((code) => !MEANINGS.has(code))).toEqual([]);
  });

  it("has no line for a code that is gone", () => {
    const codes = new Set(allCodes());
    expect([...MEANINGS.keys()].filter((code) => !codes.has(code))).toEqual([]);
  });

  it("says for each code what it means and what helps, in sentences", () => {
    for (const [code, { meaning, help }] of MEANINGS) {
      expect(meaning, code).toMatch(/^\S.*\.$/);
      expect(help, code).toMatch(/^\S.*[.:,\w]$/);
    }
  });
});

describe("the search for codes", () => {
  it("can read the code of every error that is made", () => {
    const found = findErrorCodes().unresolved.map((item) => item.replace(/^.*\//, ""));
    expect(found).toEqual(HANDED_ON);
  });

  const codesIn = (text: string) => codesOf(new Map([["a.ts", text]]));

  it.each([
    ["a string", 'throw new InputError("text-empty", "text: is empty");'],
    ["a string on a line of its own", 'new InputError(\n  "text-empty",\n  `${at}, ${f("(")}`,\n)'],
    ["a constant of the file", 'const CODE = "text-empty";\nnew InputError(CODE, what);'],
    ["an issue of a request", 'new RequestError([{ path, code: "text-empty", detail }]);'],
  ])("finds %s", (_, text) => {
    expect(codesIn(text).codes).toEqual([
      { code: "text-empty", uses: [{ path: "a.ts", of: "InputError" }] },
    ]);
  });

  it("finds a constant of another file", () => {
    const { codes } = codesOf(
      new Map([
        ["a/one.ts", 'import { CODE, other } from "../b/two.ts";\nnew InputError(CODE, what);'],
        ["b/two.ts", 'export const CODE = "text-empty";'],
      ]),
    );
    expect(codes).toEqual([{ code: "text-empty", uses: [{ path: "a/one.ts", of: "InputError" }] }]);
  });

  it("finds both strings of a choice", () => {
    const { codes } = codesIn('new FormatError(isA ? "blob-missing" : "blob-corrupt", "")');
    expect(codes.map(({ code }) => code)).toEqual(["blob-corrupt", "blob-missing"]);
  });

  it("finds a template's codes, one for each kind that the file names", () => {
    const { codes } = codesIn(
      'type A = { kind?: "data" | "input" };\nnew InputError(`${of.kind}-invalid`, "")',
    );
    expect(codes.map(({ code }) => code)).toEqual(["data-invalid", "input-invalid"]);
  });

  it("finds the code of a reader by the kind of file that it is given", () => {
    const { codes } = codesIn('await readBytes(join(dir, "a"), "tokenizer");');
    expect(codes.map(({ code }) => code)).toEqual(["tokenizer-unreadable"]);
  });

  it("finds the last argument of a reader", () => {
    const { codes } = codesIn('readRecord(parse(bytes, "a, b"), name, "pointer-invalid")');
    expect(codes).toEqual([
      { code: "pointer-invalid", uses: [{ path: "a.ts", of: "FormatError" }] },
    ]);
  });

  it("says which error it could not read", () => {
    expect(codesIn("new FormatError(code, what)").unresolved).toEqual(["a.ts: code"]);
  });

  it("passes over comments", () => {
    const text = '// new InputError("text-empty", "")\n/** new InputError("text-empty") */';
    expect(codesIn(text)).toEqual({ codes: [], unresolved: [] });
  });

  // The statuses are those of src/http/answers/problem.ts, by class and by code.
  it("knows the status of a code from its class, and from its name where that decides", () => {
    expect(statusesOf("text-empty", [{ path: "", of: "InputError" }])).toEqual([422]);
    expect(statusesOf("any", [{ path: "", of: "NotFoundError" }])).toEqual([404]);
    const both = [
      { path: "", of: "UnavailableError" },
      { path: "", of: "InputError" },
    ] as const;
    expect(statusesOf("any", both)).toEqual([400, 503]);
  });
});
