/** Files cut into ranges: by property, whatever the lines, the windows and the range's length are. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { cutRanges } from "../../../../src/serve/bulk/ranges.ts";
import type { Range } from "../../../../src/serve/bulk/ranges.ts";
import { MAX_RECORD_BYTES } from "../../../../src/serve/bulk/records.ts";
import type { RecordFormat } from "../../../../src/serve/bulk/records.ts";
import { readRows } from "../../../../src/serve/bulk/rows.ts";

const LINES: RecordFormat = { kind: "line", separator: 0 };
const CSV: RecordFormat = { kind: "csv", separator: 0x2c };

async function cut(
  file: Uint8Array,
  format: RecordFormat,
  sizes: { rangeBytes?: number; windowBytes?: number } = {},
): Promise<Range[]> {
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    file.slice(offset, offset + length);
  const ranges: Range[] = [];
  const options = { format, start: 0, line: 1, bytes: file.length, read, ...sizes };
  for await (const range of cutRanges(options)) ranges.push(range);
  return ranges;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Ranges without a gap, each at the end of a record, that count every line. */
function check(file: Uint8Array, ranges: readonly Range[]): void {
  let at = 0;
  for (const { start, end, line } of ranges) {
    expect(start).toBe(at);
    expect(end).toBeGreaterThan(start);
    expect(line).toBe(1 + file.subarray(0, start).filter((byte) => byte === 10).length);
    if (end < file.length) expect(file[end - 1]).toBe(10);
    at = end;
  }
  expect(at).toBe(file.length);
}

const lines = fc.array(fc.string({ unit: "binary", maxLength: 30 }), { maxLength: 40 });
const cell = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('"', '""', "\n", "\r\n", ",", 'a"b', '"a\nb"', '"a,""b"'),
);
const table = fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 20 });
const sizes = fc.record({
  rangeBytes: fc.integer({ min: 1, max: 200 }),
  windowBytes: fc.integer({ min: 1, max: 100 }),
});

describe("cutRanges", () => {
  it("covers a file of lines once, whatever is on them", () =>
    fc.assert(
      fc.asyncProperty(lines, sizes, async (texts, how) => {
        const file = encode(texts.join("\n"));
        const ranges = await cut(file, LINES, how);
        check(file, ranges);
        const filled = texts
          .join("\n")
          .split("\n")
          .filter((text) => /[^\n\r\t ]/.test(text));
        expect(ranges.reduce((sum, { rows }) => sum + rows, 0)).toBe(filled.length);
      }),
    ));

  it("cuts csv at the same places whatever the windows are", () =>
    fc.assert(
      fc.asyncProperty(table, sizes, async (cells, { rangeBytes, windowBytes }) => {
        const file = encode(cells.map((row) => row.join(",")).join("\n"));
        const ranges = await cut(file, CSV, { rangeBytes, windowBytes });
        check(file, ranges);
        expect(ranges).toEqual(await cut(file, CSV, { rangeBytes, windowBytes: 1_000_000 }));
      }),
    ));

  it("gives each range the rows that the whole file has", () =>
    fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 60 }), async (cells, rangeBytes) => {
        const file = encode(cells.map((row) => row.join(",")).join("\n"));
        const job = { rows: { kind: "csv", column: "a" }, endpoint: "" } as const;
        const plan = { format: CSV, columns: { text: 0, pair: -1, id: -1 } };
        const rowsOf = (ranges: readonly Range[]) =>
          ranges.flatMap((range) => [
            ...readRows(file.subarray(range.start, range.end), range, job, plan),
          ]);
        const whole = rowsOf(await cut(file, CSV));
        expect(rowsOf(await cut(file, CSV, { rangeBytes }))).toEqual(whole);
      }),
    ));

  it("reads any bytes, in whatever form, without a failure that is no row's", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          lines.map((texts) => encode(texts.join("\n"))),
        ),
        fc.constantFrom("requests", "jsonl", "csv"),
        async (file, kind) => {
          const job = { rows: { kind, column: "text" }, endpoint: "/v1/embeddings" };
          const format = kind === "csv" ? CSV : LINES;
          const columns = { text: 0, pair: 1, id: 2 };
          const range = { start: 0, end: file.length, line: 1 };
          for (const row of readRows(file, range, job, { format, columns })) {
            if (row.asked instanceof Error) expect(row.asked).toHaveProperty("code");
            expect(row.end).toBeGreaterThan(row.start);
          }
        },
      ),
    ));

  it("keeps a quoted line end inside of its record", async () => {
    const file = encode('text\n"a\nb",1\nc,2\n');
    const ranges = await cut(file, CSV, { rangeBytes: 1 });
    expect(ranges.map(({ start, end, line }) => [start, end, line])).toEqual([
      [0, 5, 1],
      [5, 13, 2],
      [13, 17, 4],
    ]);
  });

  it("passes over a line that is too long, in a range that ends with it", async () => {
    const long = `{"text":"${"x".repeat(3 * MAX_RECORD_BYTES)}"}`;
    const file = encode(`{"text":"a"}\n${long}\n{"text":"b"}\n`);
    const ranges = await cut(file, LINES);
    check(file, ranges);
    expect(ranges.map(({ rows }) => rows)).toEqual([2, 1]);
    const job = { rows: { kind: "jsonl" }, endpoint: "" } as const;
    const [first] = ranges;
    const seen = file.subarray(0, MAX_RECORD_BYTES + 131_072);
    const rows = [...readRows(seen, first!, job, { format: LINES, columns: null })];
    expect(rows.map(({ id, asked }) => [id, asked])).toMatchObject([
      [1, { kind: "text" }],
      [2, { code: "line-too-long" }],
    ]);
    expect(rows[1]!.end).toBe(first!.end);
  });

  it("lets a quote that is never closed cost its own line", async () => {
    const file = encode('text\n"never closed\nb\nc\n');
    const ranges = await cut(file, CSV, { rangeBytes: 1 });
    expect(ranges.map(({ rows }) => rows)).toEqual([1, 1, 1, 1]);
  });
});
