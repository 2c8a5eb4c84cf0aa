/** report.html as a whole: complete, self-contained, and safe whatever the data's texts are. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "../../support/properties.ts";
import { describe, expect, test } from "vitest";
import type { ReportFacts } from "../../../src/report/facts.ts";
import { escapeHtml, markup } from "../../../src/report/html.ts";
import { shorten } from "../../../src/report/error-sections.ts";
import { reportHtml } from "../../../src/report/page.ts";
import { STYLE } from "../../../src/report/style.ts";
import { curlLine, pushLine, pythonLines, shellWord } from "../../../src/report/text.ts";
import { writeTaskFolder } from "../../../scripts/task/task-folder.ts";
import { taskCard } from "../../../src/report/task-card.ts";
import { MOOD, PLACES } from "../../support/report-facts.ts";

/** Names of the elements in their order, places to break a line apart; throws when they do not nest. */
function elements(html: string): string[] {
  const alone = new Set(["meta", "br", "!doctype"]);
  const [names, open]: [string[], string[]] = [[], []];
  for (const [, slash, name, rest] of html.matchAll(/<(\/?)([!a-z][a-z0-9]*)([^>]*)>/gi)) {
    const tag = name!.toLowerCase();
    if (slash === "/") {
      if (open.pop() !== tag) throw new Error(`</${tag}> closes another element`);
      continue;
    }
    if (tag === "wbr") continue;
    names.push(tag);
    if (!alone.has(tag) && !rest!.endsWith("/")) open.push(tag);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(", ")}`);
  return names;
}

const headings = (html: string): string[] =>
  [...html.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, heading]) => heading!);

/** MOOD measured on its training rows, each held out once. */
const FOLDED: ReportFacts = {
  ...MOOD,
  evaluation: {
    ...MOOD.evaluation!,
    name: "held-out.csv, cross-validated in 5 folds",
    rows: 48,
    crossValidation: { folds: 5, of: 5, rows: 48, alone: 2, isWhole: true },
  },
};

describe("a run of one epoch", () => {
  const training = { ...MOOD.training!, epochs: MOOD.training!.epochs.slice(0, 1) };
  test.each([
    { name: "report", textOf: reportHtml },
    { name: "card", textOf: taskCard },
  ])("has no choice to own up to in the $name", ({ textOf }) => {
    expect(textOf(MOOD)).toContain("The best epoch was chosen by the same rows");
    expect(textOf({ ...MOOD, training })).not.toContain("best epoch");
  });
});

describe("a score by cross-validation", () => {
  test.each([
    { name: "report", text: reportHtml(FOLDED) },
    { name: "card", text: taskCard(FOLDED) },
  ])("says so in the $name, with what it means", ({ text }) => {
    expect(text).toContain("48 rows of held-out.csv, cross-validated in 5 folds");
    expect(text).toContain("answered by a task that was trained on the other 4 of 5 folds");
    expect(text).toContain("2 rows are the only texts of their labels");
    expect(text).not.toContain("best epoch was chosen by the same rows");
    expect(text).not.toContain("bootstrap");
  });

  test("says where the head alone was fitted anew", () => {
    const evaluation = {
      ...FOLDED.evaluation!,
      crossValidation: { folds: 3, of: 8, rows: 48, alone: 0, isWhole: false },
    };
    const card = taskCard({ ...FOLDED, evaluation });
    expect(card).toContain("answered by a head that was fitted on the other 7 of 8 folds");
    expect(card).toContain("3 of the folds were held out: enough rows to judge by");
    expect(card).not.toContain("always train");
  });
});

describe("rows to look at", () => {
  test("stand with their places, their labels, and what speaks against them", () => {
    const text = reportHtml(MOOD).replaceAll("<wbr>", "");
    expect(text).toContain("2 training rows whose label may be wrong");
    expect(text).toContain("the best of all &lt;films&gt;");
    expect(reportHtml(PLACES)).toContain("but 5 of 6 places of these words have");
    expect(text).toMatch(/reviews\.csv:13<\/bdi>: <b><bdi>bad<\/bdi><\/b>, but 9 of the 10 rows/);
    expect(text).toMatch(
      /<bdi>good<\/bdi><\/b> in <bdi>reviews\.csv:6<\/bdi>: <q dir="auto">So so!/,
    );
  });

  test("are twenty at most, and the rest is counted", () => {
    const doubtful = Array.from({ length: 33 }, () => MOOD.doubtful![0]!);
    const text = reportHtml({ ...MOOD, doubtful });
    expect(text.match(/of the 10 rows/g)).toHaveLength(20);
    expect(text).toContain("13 more are not shown.");
  });

  test("are no section where there are none", () => {
    expect(headings(reportHtml({ ...MOOD, doubtful: [] }))).not.toContain("Rows to look at");
  });
});

describe("the page", () => {
  test("answers a reader's questions in their order", () => {
    expect(headings(reportHtml(MOOD))).toEqual([
      "Result",
      "Confusion",
      "Labels",
      "Hardest examples",
      "Rows to look at",
      "Calibration",
      "Training",
      "Sweep",
      "Data",
      "Use",
    ]);
    expect(headings(reportHtml(PLACES))).toEqual([
      "Result",
      "Entity types",
      "Hardest examples",
      "Rows to look at",
      "Training",
      "Data",
      "Use",
    ]);
  });

  test("begins with the score, its interval and what it was measured on", () => {
    const html = reportHtml(MOOD);
    const title = html.slice(html.indexOf("<body>"), html.indexOf("<main>"));
    for (const part of ["0.740", "0.650 to 0.820", "100 rows of held-out.csv", "76 kB"]) {
      expect(title).toContain(part);
    }
  });

  test("does not call a temperature fitted that was left at 1", () => {
    expect(reportHtml(MOOD)).toContain("temperature, which was fitted on these 100 rows");
    expect(reportHtml({ ...MOOD, training: undefined })).toContain(
      "fitted on the evaluation rows of its training",
    );
    const calibration = { ...MOOD.evaluation!.calibration!, temperature: 1 };
    const facts = { ...MOOD, evaluation: { ...MOOD.evaluation!, calibration } };
    for (const text of [reportHtml(facts), taskCard(facts)]) {
      expect(text).toContain("too few answers, or too few wrong ones, to fit another by");
      expect(text).not.toContain("fitted on");
    }
  });

  test("draws intervals on a scale that shows them, and names the scale", () => {
    expect(reportHtml(MOOD)).toContain(">0.4 to 1</th>"); // the lowest end is 0.47
    const metrics = [
      { name: "spearman", value: 0.95, interval: [0.93, 0.97] as const, isScore: true },
      { name: "mean_absolute_error", value: 0.2 },
    ];
    const html = reportHtml({ ...MOOD, evaluation: { ...MOOD.evaluation!, metrics } });
    expect(html).toContain(">0.9 to 1</th>");
    expect(html.match(/class="whisker"/g)).toHaveLength(1);
  });

  test("leaves out what was not measured", () => {
    const bare: ReportFacts = {
      ...MOOD,
      evaluation: undefined,
      doubtful: undefined,
      training: undefined,
      sweep: undefined,
      data: undefined,
      description: undefined,
      sample: undefined,
    };
    expect(headings(reportHtml(bare))).toEqual(["Use"]);
  });

  test("shows a regression as a scatter plot", () => {
    const html = reportHtml({
      ...MOOD,
      problemType: "regression",
      labels: ["score"],
      evaluation: {
        name: "held-out.csv",
        rows: 2,
        runtime: "int8, onnxruntime-web",
        metrics: [{ name: "spearman", value: -0.5, isScore: true }],
        regression: [
          { truth: 1, answer: 2 },
          { truth: 3, answer: 1 },
        ],
      },
    });
    expect(headings(html)).toContain("Answers");
    expect(html).toContain("−0.500");
  });

  test.each([MOOD, PLACES])("is well formed, and draws no number that is none ($task)", (facts) => {
    const html = reportHtml(facts);
    expect(() => elements(html)).not.toThrow();
    expect(html).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  test("loads nothing and runs nothing: it opens offline", () => {
    const html = reportHtml(MOOD);
    const names = new Set(elements(html));
    for (const name of ["script", "link", "img", "iframe", "object", "embed", "base"]) {
      expect(names).not.toContain(name);
    }
    expect(html).not.toMatch(/\s(?:src|href|on\w+)=/i);
    expect(STYLE).not.toMatch(/url\(|@import/);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  test("has colours for the light, the dark and paper", () => {
    expect(STYLE).toContain("prefers-color-scheme: dark");
    expect(STYLE).toContain("@media print");
    const names = (block: string) => new Set(block.match(/--\w+(?=:)/g));
    const [light, dark, print] = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, b]) =>
      names(b!),
    );
    for (const name of dark!) expect(light).toContain(name);
    expect(print).toEqual(dark);
  });
});

describe("texts of the data", () => {
  const withText = (text: string): ReportFacts => ({
    ...MOOD,
    task: text,
    description: text,
    labels: [text, "good"],
    sample: { text },
    training: undefined,
    sweep: undefined,
    evaluation: {
      ...MOOD.evaluation!,
      name: text,
      labels: [{ label: text, precision: 1, recall: 1, f1: 1, support: 1 }],
      confusion: [{ truth: text, answer: "good", count: 1 }],
      hardest: [{ text, pair: text, truth: [text], answer: ["good"], score: 0.9, loss: 2 }],
    },
    data: { ...MOOD.data!, source: text, licence: text, notes: [text] },
  });
  const skeleton = elements(reportHtml(withText("a plain text")));

  test("never become markup", () => {
    const hostile = fc.oneof(
      fc.constantFrom(
        "<script>alert(1)</script>",
        `"><svg onload=alert(1)>`,
        "</title></style><b>",
        "' onmouseover='alert(1)",
        "<!--",
        "]]>",
        "&lt;b&gt;",
      ),
      fc.string({ unit: "binary", minLength: 1 }),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        expect(elements(reportHtml(withText(`x${text}`)))).toEqual(skeleton);
      }),
      { numRuns: 40 },
    );
  });

  test("are escaped, and control characters that HTML forbids are replaced", () => {
    expect(escapeHtml(`<a href="x">'&'</a>`)).toBe(
      "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;",
    );
    expect(escapeHtml("a\u0000b\u001bc\uD800\n\t")).toBe("a\uFFFDb\uFFFDc\uFFFD\n\t");
    expect(markup`<p>${"<"}${markup`<b>`}${["&", 1]}${null}${false}</p>`.toString()).toBe(
      "<p>&lt;<b>&amp;1</p>",
    );
  });

  test("keep their own writing direction", () => {
    const html = reportHtml(PLACES);
    expect(html).toContain(
      `<blockquote dir="auto">زارت <mark><bdi>أنجيلا</bdi><small dir="ltr">PER → O`,
    );
    expect(reportHtml(withText("‮abc"))).toContain("<bdi>‮abc</bdi>");
  });

  test("show one mark for an entity that was missed as a whole", () => {
    const example = PLACES.evaluation!.hardest![0]!;
    const missed = { ...example, answer: ["B-PER", "O", "O", "O"] };
    const html = reportHtml({
      ...PLACES,
      evaluation: { ...PLACES.evaluation!, hardest: [missed] },
    });
    expect(html).toContain(
      `visited <mark><bdi>New York</bdi><small dir="ltr">LOC → O</small></mark>`,
    );
  });

  test("are cut between characters when they are long", () => {
    expect(shorten("short", 10)).toBe("short");
    expect(shorten("abcdefghijk", 10)).toBe("abcdefghij …");
    const family = "👩‍👩‍👧"; // 8 UTF-16 units, one character
    expect(shorten(`12345${family}`, 10)).toBe("12345 …");
    expect(shorten(`12${family}tail`, 10)).toBe(`12${family} …`);
  });
});

describe("how to use it", () => {
  test.each([
    ["plain-1.2/x", "plain-1.2/x"],
    ["with space", "'with space'"],
    ["it's", String.raw`'it'\''s'`],
    ["", "''"],
    ["$(rm -rf /)", "'$(rm -rf /)'"],
  ])("writes %j as one word of a shell", (word, expected) => {
    expect(shellWord(word)).toBe(expected);
  });

  test("names the folder, the route and the author's own text", () => {
    expect(pushLine({ ...MOOD, folder: "my tasks/mood" })).toBe(
      "npx edge-prefix push 'my tasks/mood'",
    );
    expect(curlLine(PLACES)).toContain("/v1/tasks/places/predict");
    expect(curlLine(PLACES)).toContain(`-d '{"inputs":"Angela visited Paris"}'`);
    expect(pythonLines(PLACES)).toContain('client.token_classification("Angela visited Paris")');
  });
});

test("the folder of a task gets the report with its other files, and loses an old one", async () => {
  const dir = await mkdtemp(join(tmpdir(), "edge-prefix-report-"));
  // Only bytes are written; whether they are a task was checked when they were packed.
  const bytes = new Uint8Array([1]);
  const packed = { task: null as never, manifestBytes: bytes, prefixBytes: bytes };
  const report = reportHtml(MOOD);
  await writeFile(join(dir, "mine.txt"), "stays");
  await writeTaskFolder(dir, packed, { taskJson: null, card: "card", report });
  expect(await readFile(join(dir, "report.html"), "utf8")).toBe(report);
  await writeTaskFolder(dir, packed, { taskJson: null, card: "card", report: null });
  await expect(readFile(join(dir, "report.html"))).rejects.toThrow(/ENOENT/);
  expect(await readFile(join(dir, "mine.txt"), "utf8")).toBe("stays");
  await rm(dir, { recursive: true });
});
