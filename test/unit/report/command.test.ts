/** Reports as a user asks for them: `train --report` and `eval --report`, on the tiny base. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { runVerb } from "../../support/verb.ts";

let dir: string;
const at = (name: string): string => join(dir, name);
const read = (...path: string[]): Promise<string> => readFile(join(dir, ...path), "utf8");

/** In no list of labels, so that only a text of the data can bring it onto the page. */
const SECRET = "berlin";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-reports-"));
  await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
  const rows = ["film", "movie", "plot", "story"].flatMap((topic) =>
    ["good up", "bad down"].map((pair) => `the ${topic} was ${pair.replace(" ", ",")}`),
  );
  await writeFile(at("mood.csv"), `text,label\n${rows.join("\n")}\n`);
  // One of the two must be wrong: the texts are the same.
  await writeFile(at("held-out.csv"), `text,label\n${SECRET},up\n${SECRET},down\n`);
});
afterAll(() => rm(dir, { recursive: true }));

const train = (out: string, ...more: string[]) => {
  const files = ["--eval", at("held-out.csv"), "--base", at("base"), "--out", at(out)];
  const short = ["--num-virtual-tokens", "2", "--epochs", "2"];
  return runVerb("train", at("mood.csv"), ...files, ...short, ...more);
};

describe("train", () => {
  test("writes a report with the hardest texts, and a card without", async () => {
    expect((await train("full")).code).toBe(0);
    const html = await read("full", "report.html");
    expect(html).toContain("Hardest examples");
    expect(html).toContain(SECRET);
    expect(html).toContain("on 2 rows of held-out.csv");
    expect(await read("full", "CARD.md")).not.toContain(SECRET);
    expect(await read("full", "manifest.json")).not.toContain(SECRET);
  });

  test("keeps texts out of it at --report metrics, and remembers that", async () => {
    await train("numbers", "--report", "metrics");
    expect(await read("numbers", "report.html")).not.toContain(SECRET);
    expect(JSON.parse(await read("numbers", "task.json"))).toMatchObject({ report: "metrics" });
    await runVerb("train", at("numbers"), "--base", at("base"));
    const again = await read("numbers", "report.html");
    expect(again).not.toContain(SECRET);
    expect(again).toContain("Calibration");
  });

  test("writes none at --report none, and takes an old one away", async () => {
    await train("none");
    expect(existsSync(at("none/report.html"))).toBe(true);
    await train("none", "--report", "none");
    expect(existsSync(at("none/report.html"))).toBe(false);
    expect(existsSync(at("none/CARD.md"))).toBe(true);
  });

  test("refuses a level that it does not know", async () => {
    const { code, err } = await train("wrong", "--report", "pdf");
    expect(code).toBe(2);
    expect(err.join("\n")).toMatch(/--report.*pdf.*none.*metrics.*full/);
  });
});

test("eval writes a report of the data it is given, and leaves the folder's own alone", async () => {
  await train("judged", "--report", "metrics");
  const own = await read("judged", "report.html");
  const other = at("reports/other.html");
  const options = ["--base", at("base"), "--data", at("mood.csv"), "--report", other];
  const { code } = await runVerb("eval", at("judged"), ...options);
  expect(code).toBe(0);
  const html = await readFile(other, "utf8");
  expect(html).toContain("on 8 rows of mood.csv");
  // Eight rows are too few to fit a temperature by.
  expect(html).toContain("too few answers, or too few wrong ones, to fit another by");
  expect(html).not.toContain("<h2>Training</h2>");
  expect(await read("judged", "report.html")).toBe(own);
});

test("the report of a method for comparison shows how good it is and not how to publish it", async () => {
  expect((await train("whole", "--method", "full", "--epochs", "1")).code).toBe(0);
  const html = await read("whole", "report.html");
  expect(html).toContain("onnxruntime-node");
  expect(html).not.toContain("edge-prefix push");
  const card = await read("whole", "CARD.md");
  expect(card).toContain("A comparison for sequence classification");
  expect(card).not.toContain("## How to use");
});
