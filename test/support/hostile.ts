/** What a hostile or careless writer puts where a reader expects something else. */
import fc from "./properties.ts";
import { expect } from "vitest";
import { FormatError } from "../../src/core/errors.ts";

/** The FormatError that `run` throws; anything else it throws, or nothing, fails the test. */
export function formatError(run: () => unknown): FormatError {
  try {
    run();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("expected a FormatError, nothing was thrown");
}

/** The FormatError of `run`, or null when it succeeds; any other error fails the test. */
export function formatErrorOrNull(run: () => unknown): FormatError | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

/** The same for what is refused later. */
export const laterFormatError = async (run: () => Promise<unknown>): Promise<FormatError> => {
  const failure = await laterFormatErrorOrNull(run);
  return failure ?? expect.fail("expected a FormatError, nothing was thrown");
};

export const laterFormatErrorOrNull = (run: () => Promise<unknown>): Promise<FormatError | null> =>
  run().then(
    () => null,
    (error: unknown) => {
      if (error instanceof FormatError) return error;
      throw error;
    },
  );

/** JSON values that are almost never what a field wants. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    -0,
    0.5,
    1e308,
    2 ** 53,
    2 ** 31,
    "",
    "../../etc/passwd",
    "a/b",
    "__proto__",
    "constructor",
    "x".repeat(100_000),
    "\u0000",
    "\ud800",
    [],
    {},
    [[]],
    [null],
    { length: 1 },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A copy of `good` in which one place, at any depth, is removed, replaced or added to. */
export function damaged(good: unknown): fc.Arbitrary<unknown> {
  const paths = placesOf(good);
  return fc
    .tuple(
      fc.constantFrom(...paths),
      fc.constantFrom("remove", "replace", "add"),
      hostileValue,
      fc.oneof(
        fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty"),
        fc.string(),
      ),
    )
    .map(([path, action, value, name]) => {
      const copy = structuredClone(good);
      let parent = copy as Record<string, unknown>;
      for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
      const key = path.at(-1)!;
      if (action === "remove") delete parent[key];
      else if (action === "replace") parent[key] = value;
      // An array has a length of its own that takes no other value.
      else if (Array.isArray(parent) && name === "length") parent.push(value);
      // Defined, not assigned: "__proto__" is to be an own key, as JSON.parse makes it.
      else Object.defineProperty(parent, name, { value, enumerable: true, configurable: true });
      return copy;
    });
}

/** A copy of `good` with bytes changed, cut off or inserted. */
export function damagedBytes(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat({ max: good.length - 1 });
  const change = fc
    .array(fc.tuple(at, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 })
    .map((edits) => {
      const copy = good.slice();
      for (const [place, byte] of edits) copy[place] = byte;
      return copy;
    });
  const cut = at.map((end) => good.slice(0, end));
  const insert = fc
    .tuple(at, fc.uint8Array({ minLength: 1, maxLength: 16 }))
    .map(([place, bytes]) =>
      Uint8Array.from([...good.subarray(0, place), ...bytes, ...good.subarray(place)]),
    );
  return fc.oneof(
    { weight: 6, arbitrary: change },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: insert },
  );
}

function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [
    [...path, key],
    ...placesOf(item, [...path, key]),
  ]);
}

/** A value as it arrives where it was sent as JSON. */
export const throughJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value)) as unknown;
