import { describe, expect, it } from "vitest";
import { startOfTable } from "../../../../src/learn/data/table-start.ts";

describe("the start of a table", () => {
  it("names the columns of a csv, whatever separates them, with the first rows", () => {
    const csv = 'id;text;label\n1;"a; b";x\n2;c;y\n3;d;x\n4;e;y\n';
    expect(startOfTable(csv, "csv")).toEqual({
      columns: ["id", "text", "label"],
      rows: [
        ["1", "a; b", "x"],
        ["2", "c", "y"],
        ["3", "d", "x"],
      ],
      text: "text",
      pair: null,
      label: "label",
    });
  });

  it("leaves columns of other names to the person", () => {
    const found = startOfTable("review\tstars\ngood\t5\n", "tsv");
    expect(found).toMatchObject({ columns: ["review", "stars"], text: null, label: null });
  });

  it("names the fields of the first object of a jsonl, and shows lists as they are written", () => {
    const jsonl = 'not json\n\n{"sentence": "a", "labels": ["x", "y"]}\n{"sentence": "b"}\n';
    expect(startOfTable(jsonl, "jsonl")).toEqual({
      columns: ["sentence", "labels"],
      rows: [
        ["a", '["x","y"]'],
        ["b", ""],
      ],
      text: "sentence",
      pair: null,
      label: "labels",
    });
  });

  it("has no columns for words in lines, nor for an empty file", () => {
    expect(startOfTable("Ada B-PER\n", "conll").columns).toEqual([]);
    expect(startOfTable("", "csv")).toMatchObject({ columns: [], rows: [] });
  });
});
