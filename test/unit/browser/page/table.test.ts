/** A table of texts: read, its columns guessed, its answers written beside it. */
import { describe, expect, it } from "vitest";
import {
  answerCells,
  answerColumns,
  answerInShort,
  pairColumn,
  readTable,
  textColumn,
  writeCsv,
} from "../../../../src/browser/page/table.ts";
import type { TaskDescription } from "../../../../src/browser/page/client.ts";

const task = (more: Partial<TaskDescription>) =>
  ({
    task: "mood",
    type: "sequence",
    problem_type: "single_label_classification",
    ...more,
  }) as TaskDescription;

describe("a table", () => {
  it("is read with quotes, line ends inside of fields, and a byte order mark", () => {
    const { columns, rows, problems } = readTable('\uFEFFid,text\r\n1,"a ""b"",\nc"\r\n2,d\r\n');
    expect(columns).toEqual(["id", "text"]);
    expect(rows).toEqual([
      ["1", 'a "b",\nc'],
      ["2", "d"],
    ]);
    expect(problems).toEqual([]);
  });

  it("says which lines are left out, and why", () => {
    const { rows, problems } = readTable('text,n\na,1\nb\n"c,2\nd,3\n');
    expect(rows.map(([text]) => text)).toEqual(["a", "d"]);
    expect(problems).toEqual([
      "line 3 has 1 fields, the header 2",
      "line 4 is not valid csv: a quote opens and is never closed",
    ]);
  });

  it.each([
    ["id;Review;stars\n1;good;5\n", 1],
    ["a\tb\nshort\ta longer field\n", 1],
    ["n,text_pair,text\n1,x,y\n", 2],
    ["", 0],
  ])("has its texts in a column that is found: %j", (content, column) => {
    expect(textColumn(readTable(content))).toBe(column);
  });

  it("has the second text of a pair where a column says so", () => {
    expect(pairColumn(readTable("text,text_pair\na,b\n"))).toBe(1);
    expect(pairColumn(readTable("text,label\na,b\n"))).toBe(-1);
  });
});

describe("an answer beside its row", () => {
  const labels = [
    { label: "good", score: 0.75 },
    { label: "kind", score: 0.5 },
  ];
  const entity = { entity_group: "LOC", score: 0.9, word: "Oslo", start: 0, end: 4 };

  it.each([
    ["the best label", {}, labels, ["good", "0.75"]],
    [
      "all labels that were decided",
      { problem_type: "multi_label_classification" },
      labels,
      ["good; kind", "0.75; 0.5"],
    ],
    ["a number", { problem_type: "regression" }, [{ label: "stars", score: 3.25 }], ["3.25", ""]],
    ["entities", { type: "token" as const }, [entity], [JSON.stringify([entity])]],
  ])("is %s", (_, kind, result, cells) => {
    expect(answerCells(task(kind), { result })).toEqual(cells);
    expect(answerColumns(task(kind))).toHaveLength(cells.length);
  });

  it("is the error's code where there is one, and empty where nothing was asked", () => {
    const error = { code: "text-empty", detail: "inputs: is empty" };
    expect(answerCells(task({}), { error })).toEqual(["error: text-empty", ""]);
    expect(answerCells(task({ type: "token" }), { error })).toEqual(["error: text-empty"]);
    expect(answerCells(task({}), undefined)).toEqual(["", ""]);
  });

  it("names entities in short", () => {
    expect(answerInShort(task({ type: "token" }), { result: [entity] })).toBe("Oslo (LOC)");
    expect(answerInShort(task({}), { result: labels })).toBe("good");
  });

  it("is written as csv that reads back as it was", () => {
    const records = [
      ["text", "mood"],
      ['a "b", c\nd', " good "],
      ["", "=1+1"],
    ];
    const { columns, rows } = readTable(writeCsv(records));
    expect([columns, ...rows]).toEqual(records);
  });
});
