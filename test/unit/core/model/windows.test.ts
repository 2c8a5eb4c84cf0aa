/** Long texts in windows: every piece answered once, from the window that saw most around it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { InputError, LimitError } from "../../../../src/core/errors.ts";
import { mergeSequence, mergeTokens, splitWindows } from "../../../../src/core/model/windows.ts";
import type { Split } from "../../../../src/core/model/windows.ts";
import { letterTokenizer } from "../../../support/letters.ts";

const tokenizer = letterTokenizer();
const letters = (count: number, from = 0x61) =>
  Array.from({ length: count }, (_, i) => String.fromCharCode(from + (i % 26))).join("");
const options = (maxLength: number, stride = 0, truncation = false) => ({
  maxLength,
  stride,
  truncation,
});

/** Sizes of a text, a window and a stride that fit together. */
const setting = fc
  .tuple(fc.nat({ max: 120 }), fc.integer({ min: 3, max: 30 }), fc.nat({ max: 27 }))
  .map(([length, maxLength, stride]) => ({ length, maxLength, stride: stride % (maxLength - 2) }));

/** Logits of every token of every window: [window, row], so that a merge shows what it took. */
const traced = (split: Split) =>
  split.windows.map(({ encoding }, w) =>
    Array.from(encoding.ids, (_, row) => Float32Array.of(w, row)),
  );

/** For every piece the window in which it is farthest from a seam, by trying all of them. */
function bestWindows({ pieces, windows }: Split): number[] {
  const total = pieces.ids.length;
  return Array.from(pieces.ids, (_, piece) => {
    let best = -1;
    let bestMargin = -1;
    windows.forEach(({ firstPiece, pieceCount }, w) => {
      const end = firstPiece + pieceCount;
      if (piece < firstPiece || piece >= end) return;
      const left = firstPiece === 0 ? Infinity : piece - firstPiece;
      const right = end === total ? Infinity : end - 1 - piece;
      if (Math.min(left, right) > bestMargin) [best, bestMargin] = [w, Math.min(left, right)];
    });
    return best;
  });
}

describe("splitWindows of one text", () => {
  test("a text that fits is one window, exactly its encoding", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.nat({ max: 9 }),
        fc.boolean(),
        (length, spare, truncation) => {
          const text = letters(length);
          const split = splitWindows(
            tokenizer,
            text,
            undefined,
            options(Math.max(length + 2 + spare, 3), 0, truncation),
          );
          expect(split.isTruncated).toBe(false);
          expect(split.windows.map(({ encoding }) => encoding)).toEqual([tokenizer.encode(text)]);
          expect(split.windows[0]).toMatchObject({ firstPiece: 0, pieceCount: length });
          expect(split.pieces).toEqual(tokenizer.tokenize(text));
        },
      ),
      { seed: 1 },
    );
  });

  test("windows are no longer than max_length, overlap by the stride at least, and cover every piece", () => {
    fc.assert(
      fc.property(setting, ({ length, maxLength, stride }) => {
        const { windows, pieces } = splitWindows(
          tokenizer,
          letters(length),
          undefined,
          options(maxLength, stride),
        );
        expect(pieces.ids).toHaveLength(length);
        expect(windows[0]!.firstPiece).toBe(0);
        expect(windows.at(-1)!.firstPiece + windows.at(-1)!.pieceCount).toBe(length);
        windows.forEach((window, w) => {
          const { encoding, firstPiece, pieceCount, firstRow } = window;
          expect(encoding.ids.length).toBeLessThanOrEqual(maxLength);
          expect(encoding.ids.subarray(firstRow, firstRow + pieceCount)).toEqual(
            pieces.ids.subarray(firstPiece, firstPiece + pieceCount),
          );
          expect(encoding.starts.subarray(firstRow, firstRow + pieceCount)).toEqual(
            pieces.starts.subarray(firstPiece, firstPiece + pieceCount),
          );
          const before = windows[w - 1];
          if (!before) return;
          expect(firstPiece).toBeGreaterThan(before.firstPiece);
          expect(before.firstPiece + before.pieceCount - firstPiece).toBeGreaterThanOrEqual(stride);
        });
        // No window could be left out.
        const step = maxLength - 2 - stride;
        expect(windows).toHaveLength(Math.max(1, Math.ceil((length - stride) / step)));
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  test("a stride as wide as the window is refused", () => {
    const run = () => splitWindows(tokenizer, letters(9), undefined, options(6, 4));
    expect(run).toThrow(InputError);
    expect(run).toThrow(expect.objectContaining({ code: "stride-invalid" }));
  });

  test.each([-1, 0.5, NaN, Infinity])("a stride of %f is refused", (stride) => {
    const run = () => splitWindows(tokenizer, letters(9), undefined, options(6, stride));
    expect(run).toThrow(expect.objectContaining({ name: "InputError", code: "stride-invalid" }));
  });

  test.each([
    [undefined, 2],
    [undefined, 0],
    ["pair", 3],
    ["pair", 1],
  ])("with pair %j a max_length of %i has no room for text, cut or not", (pair, maxLength) => {
    for (const truncation of [true, false]) {
      const run = () =>
        splitWindows(tokenizer, letters(9), pair, options(maxLength, 0, truncation));
      expect(run).toThrow(
        expect.objectContaining({ name: "InputError", code: "max-length-invalid" }),
      );
    }
  });

  test("more windows than allowed are refused before any is made", () => {
    let combined = 0;
    const counting = {
      ...tokenizer,
      combine: (...args: Parameters<typeof tokenizer.combine>) => {
        combined++;
        return tokenizer.combine(...args);
      },
    };
    const run = (maxWindows: number) =>
      splitWindows(counting, letters(100), undefined, { ...options(12, 9), maxWindows });
    expect(() => run(90)).toThrow(LimitError);
    expect(() => run(90)).toThrow(expect.objectContaining({ code: "too-many-windows" }));
    expect(combined).toBe(0);
    expect(run(91).windows).toHaveLength(91);
  });
});

describe("splitWindows of a pair", () => {
  test("a pair that fits is one window, exactly its encoding", () => {
    const split = splitWindows(tokenizer, "abc", "xy", options(8));
    expect(split.windows.map(({ encoding }) => encoding)).toEqual([tokenizer.encode("abc", "xy")]);
    expect(split.windows[0]).toMatchObject({ firstPiece: 0, pieceCount: 3, firstRow: 1 });
    expect(splitWindows(tokenizer, "", "xy", options(8)).windows[0]!.encoding).toEqual(
      tokenizer.encode("", "xy"),
    );
  });

  test("the longer text is windowed, the other repeated whole in every window", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 40 }),
        fc.nat({ max: 40 }),
        fc.integer({ min: 12, max: 24 }),
        (a, b, maxLength) => {
          const [first, second] = [letters(a), letters(b, 0x41)];
          const room = maxLength - 3;
          fc.pre(a + b > room && Math.min(a, b) <= room / 2);
          const { windows, pieces } = splitWindows(tokenizer, first, second, options(maxLength, 2));
          const isSecondLonger = b > a;
          expect(pieces).toEqual(tokenizer.tokenize(isSecondLonger ? second : first));
          const covered = new Set<number>();
          for (const { encoding, firstPiece, pieceCount, firstRow } of windows) {
            expect(encoding.ids.length).toBeLessThanOrEqual(maxLength);
            expect(encoding.ids.subarray(firstRow, firstRow + pieceCount)).toEqual(
              pieces.ids.subarray(firstPiece, firstPiece + pieceCount),
            );
            expect(encoding.sequenceIds[firstRow]).toBe(isSecondLonger ? 1 : 0);
            const other = encoding.ids.filter(
              (_, i) => encoding.sequenceIds[i] === (isSecondLonger ? 0 : 1),
            );
            expect(other).toEqual(tokenizer.tokenize(isSecondLonger ? first : second).ids);
            for (let i = 0; i < pieceCount; i++) covered.add(firstPiece + i);
          }
          expect(covered.size).toBe(Math.max(a, b));
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  test("a stride that was not given fits into the room beside the other text", () => {
    for (let maxLength = 5; maxLength <= 40; maxLength++) {
      for (let other = 0; other <= (maxLength - 3) / 2; other++) {
        const split = splitWindows(tokenizer, letters(60), letters(other, 0x41), {
          maxLength,
          truncation: false,
        });
        expect(split.windows.length).toBeGreaterThan(1);
      }
    }
    // Room for one piece is too little for a pair, whatever the stride.
    expect(() =>
      splitWindows(tokenizer, letters(9), "A", { maxLength: 4, truncation: false }),
    ).toThrow(expect.objectContaining({ code: "pair-too-long" }));
  });

  test("two long texts are refused with a hint", () => {
    const run = () => splitWindows(tokenizer, letters(30), letters(31), options(20));
    expect(run).toThrow(LimitError);
    expect(run).toThrow(expect.objectContaining({ code: "pair-too-long" }));
    expect(run).toThrow("truncation");
  });
});

describe("truncation", () => {
  // Python tokenizers, enable_truncation(strategy="longest_first"); provenance inside the file.
  const golden = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../../golden/core/truncation.json"), "utf8"),
  ) as {
    cases: [number, number, number, number, number][];
  };

  test("of a pair keeps what Hugging Face's longest_first keeps, for all small sizes", () => {
    const wrong = golden.cases.filter(([maxLength, a, b, keptA, keptB]) => {
      const split = splitWindows(
        tokenizer,
        letters(a),
        letters(b, 0x41),
        options(maxLength, 0, true),
      );
      const expected = tokenizer.encode(letters(keptA), letters(keptB, 0x41));
      return (
        split.windows.length !== 1 ||
        !split.isTruncated ||
        split.windows[0]!.encoding.ids.join() !== expected.ids.join()
      );
    });
    expect(golden.cases.length).toBeGreaterThan(1000);
    expect(wrong).toEqual([]);
  });

  test("of one text keeps its start, in one window of max_length", () => {
    const split = splitWindows(tokenizer, letters(30), undefined, options(12, 5, true));
    expect(split.isTruncated).toBe(true);
    expect(split.windows.map(({ encoding }) => encoding)).toEqual([tokenizer.encode(letters(10))]);
    expect(split.pieces.ids).toHaveLength(10);
  });
});

describe("mergeTokens", () => {
  test("every piece is answered once, by the window that saw most around it", () => {
    fc.assert(
      fc.property(setting, ({ length, maxLength, stride }) => {
        const split = splitWindows(
          tokenizer,
          letters(length),
          undefined,
          options(maxLength, stride),
        );
        const merged = mergeTokens(split, traced(split));
        expect(merged.map(([w]) => w)).toEqual(bestWindows(split));
        merged.forEach(([w, row], piece) => {
          const window = split.windows[w!]!;
          expect(window.encoding.ids[row!]).toBe(split.pieces.ids[piece]);
          expect(row! - window.firstRow + window.firstPiece).toBe(piece);
        });
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  test("rows of the repeated text and of special tokens are dropped", () => {
    const split = splitWindows(tokenizer, "ab", letters(30, 0x41), options(15, 3));
    const merged = mergeTokens(split, traced(split));
    expect(merged).toHaveLength(30);
    for (const [piece, [w, row]] of merged.entries()) {
      const { encoding } = split.windows[w!]!;
      expect(encoding.sequenceIds[row!]).toBe(1);
      expect(encoding.ids[row!]).toBe(split.pieces.ids[piece]);
    }
  });

  test("each window is looked at once, so 10,000 of them take 10,000 looks", () => {
    const size = 4;
    const count = 10_000;
    const column = new Int32Array(count + size - 1);
    const pieces = { ids: column, starts: column, ends: column, wordIds: column };
    let looks = 0;
    const windows = Array.from({ length: count }, (_, firstPiece) => ({
      encoding: tokenizer.encode(""),
      get firstPiece() {
        looks++;
        return firstPiece;
      },
      pieceCount: size,
      firstRow: 1,
    }));
    const row = new Float32Array(1);
    const rows = [row, row, row, row, row, row];
    const merged = mergeTokens(
      { pieces, windows },
      Array.from({ length: count }, () => rows),
    );
    expect(merged).toHaveLength(column.length);
    expect(looks).toBeLessThan(10 * size * count);
  });

  test("an empty text has no pieces", () => {
    const split = splitWindows(tokenizer, "", undefined, options(5));
    expect(mergeTokens(split, traced(split))).toEqual([]);
  });
});

describe("mergeSequence", () => {
  test("is the mean over the windows, by label", () => {
    expect([...mergeSequence([Float32Array.of(1, 4), Float32Array.of(3, 0)])]).toEqual([2, 2]);
    const only = Float32Array.of(5, 6);
    expect([...mergeSequence([only])]).toEqual([5, 6]);
  });

  test("of many windows loses no precision", () => {
    const rows = Array.from({ length: 10_000 }, () => Float32Array.of(0.1, 1000.1));
    expect([...mergeSequence(rows)]).toEqual([Math.fround(0.1), Math.fround(1000.1)]);
  });
});
