/** The state of the page in its address: written, read back, and never anything else. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { WHERES, readLink, writeLink } from "../../../../src/browser/page/link.ts";

const EMPTY = { tasks: [], text: "", pair: "", where: "edge" } as const;

describe("a link", () => {
  it("names tasks and text, and leaves out what is the default", () => {
    const link = writeLink({ ...EMPTY, tasks: ["slots", "command"], text: "a b&c=d#e+f %" });
    expect(link).toBe("#task=slots&task=command&text=a%20b%26c%3Dd%23e%2Bf%20%25");
    expect(writeLink({ ...EMPTY, tasks: ["x"], pair: "y", where: "both" })).toBe(
      "#task=x&pair=y&where=both",
    );
  });

  it("gives back any text as it was", () => {
    // A lone surrogate cannot stand in an address.
    const text = fc.string({ unit: "grapheme" });
    const state = fc.record({
      tasks: fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,8}$/)),
      text,
      pair: text,
      where: fc.constantFrom(...WHERES),
    });
    fc.assert(
      fc.property(state, (given) => {
        const link = writeLink(given);
        if (link !== "#") expect(readLink(link)).toEqual(given);
      }),
    );
  });

  it.each(["", "#", "#ask", "#code"])("that is a place of the page holds no state: %s", (hash) => {
    expect(readLink(hash)).toBeNull();
  });

  it("with fields that do not exist is read without them", () => {
    expect(readLink("#task=a&task=a&key=secret&where=moon&text=x+y")).toEqual({
      ...EMPTY,
      tasks: ["a"],
      text: "x+y",
    });
  });
});
