/** How the separator of a csv file is found. Expected values by hand. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { parseData } from "../../../../src/learn/data/read.ts";
import type { DataOptions } from "../../../../src/learn/data/read.ts";

const read = (text: string, options: DataOptions = {}) =>
  parseData(text, "d.csv", { strict: true, ...options }).examples.map(({ text, labels }) => [
    text,
    ...labels,
  ]);

describe("the separator of a csv", () => {
  it.each([
    ["a comma in a header of semicolons", "text;label (0=neg, 1=pos)\ngood;1\nbad;0\n"],
    ["the same with a comma in each text", "text;label (0=neg, 1=pos)\ngood, so;1\nbad, no;0\n"],
    ["quotes around the header's comma", '"text";"label (0=neg, 1=pos)"\n"good";1\n"bad";0\n'],
  ])("is a semicolon: %s", (_name, text) => {
    const rows = read(text, { labelColumn: "label (0=neg, 1=pos)" });
    expect(rows.map(([, label]) => label)).toEqual(["1", "0"]);
    // Without the column's name the error lists the two columns, not three halves.
    expect(() => read(text)).toThrow('found "text", "label (0=neg, 1=pos)"');
  });

  it.each([
    ["commas", "text,label\na; b,x\nc; d,y\n"],
    ["semicolons", "label;text\nx;a, b\ny;c, d\n"],
    ["tabs", "label\ttext\nx\ta, b; c\ny\td, e; f\n"],
    ["bars", "label|text\nx|a, b\ny|c, d\n"],
    ["quoted commas and semicolons", 'label;text;note, or not\nx;"a; b, c";1\ny;"d; e, f";2\n'],
  ])("is what gives all rows the header's columns: %s", (_name, text) => {
    expect(read(text)).toHaveLength(2);
  });

  // Without a bound on the search, such a file of 20 MB would be searched to its end 500,000 times.
  it("costs nothing where lines have none", () => {
    const line = "a text without any separator, but for\n";
    const text = `text;label\n${line.repeat(500_000)}good;1\n`;
    const data = parseData(text, "d.csv", { separator: ";" });
    expect(data.examples).toMatchObject([{ text: "good", labels: ["1"] }]);
    expect(data.badRows).toBe(500_000);
  });

  it("may end so many fields of one line", () => {
    const data = parseData(`text,label\n${",".repeat(3_000_000)}\ngood,1\n`, "d.csv");
    expect(data.examples).toMatchObject([{ text: "good", labels: ["1"] }]);
    expect(data.problems).toEqual([{ line: 2, what: "has 3000001 columns, expected 2" }]);
  });

  it("is found without a header, by the number of columns", () => {
    const columns = ["text", "label"];
    expect(read("good, so;x\nbad, no;y\n", { columns })).toEqual([
      ["good, so", "x"],
      ["bad, no", "y"],
    ]);
    expect(read('"a;b;c",x\n"d;e;f",y\n', { columns })).toEqual([
      ["a;b;c", "x"],
      ["d;e;f", "y"],
    ]);
  });

  it("is what the option says, whatever the file looks like", () => {
    expect(read("text^label\na,b;c^x\n", { separator: "^" })).toEqual([["a,b;c", "x"]]);
    expect(() => read("text;label\na;x\n", { separator: "," })).toThrow('found "text;label"');
  });

  it("is what Excel's first line says, and line numbers count it", () => {
    expect(read("sep=;\ntext;label\na,b;x\n")).toEqual([["a,b", "x"]]);
    expect(() => read("sep=;\r\ntext;label\r\na\r\n")).toThrow(/d.csv:3: has 1 columns/);
  });
});

it("any table is read back, whatever separates it and whatever stands within quotes", () => {
  const cell = fc.stringMatching(/^[a-z,;|\t"\n ]{0,12}[a-z]$/);
  const label = fc.stringMatching(/^[a-z]{1,4}$/);
  const header = fc.constantFrom(["text", "label"], ["id, or not", "text", "label", "note; more"]);
  fc.assert(
    fc.property(
      fc.constantFrom(",", ";", "\t", "|"),
      header,
      fc.array(fc.tuple(cell, label), { minLength: 1, maxLength: 10 }),
      (separator, names, rows) => {
        const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const table = [
          names,
          ...rows.map(([text, name]) =>
            names.map((column) =>
              column === "text" ? text : column === "label" ? name : "x, y; z",
            ),
          ),
        ];
        const written = table.map((fields) => fields.map(quote).join(separator)).join("\n");
        expect(read(written)).toEqual(rows);
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});
