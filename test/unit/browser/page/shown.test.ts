/** What numbers read like: scores, bars, time, and what is known of a task. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE } from "../../../../scripts/node/project.ts";
import { firstBars, percentOf, shareOf } from "../../../../src/browser/page/bars.ts";
import { chipsOf } from "../../../../src/browser/page/examples.ts";
import { firstTasks } from "../../../../src/browser/page/first-choice.ts";
import { cardOf, labelsLine, scoreOf } from "../../../../src/browser/page/task-facts.ts";
import { formatMs, timeParts } from "../../../../src/browser/page/timing.ts";
import type { TaskDescription } from "../../../../src/browser/page/client.ts";

/** A bundled task as GET /v1/tasks/{task} describes it. */
function bundled(name: string): TaskDescription {
  const path = join(PACKAGE, "prefixes", name, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Omit<TaskDescription, "base">;
  return { ...manifest, base: "pocket@3742ba6ec3a9", version: "0123456789ab" };
}

describe("a score", () => {
  it.each([
    [1, "100.00 %"],
    [0.99996, "> 99.99 %"],
    [0.5, "50.00 %"],
    [0.00001, "< 0.01 %"],
    [0, "0.00 %"],
  ])("of %d reads %s", (score, text) => {
    expect(percentOf(score)).toBe(text);
  });

  it("outside of 0 to 1 fills the whole bar, or none of it", () => {
    expect([-2, 0.3, 7].map(shareOf)).toEqual([0, 0.3, 1]);
  });
});

describe("bars", () => {
  it.each([
    [2, 2, 0],
    [6, 6, 0],
    [7, 5, 2],
    [77, 5, 72],
  ])("of %d labels are %d at first, and %d behind them", (count, first, rest) => {
    const shown = firstBars(Array.from({ length: count }, (_, i) => i));
    expect([shown.first.length, shown.rest.length]).toEqual([first, rest]);
  });
});

describe("where the time went", () => {
  it("is what the server says, and the rest is the network's", () => {
    const header = "tokenize;dur=0.5, queue;dur=1.0, run;dur=8.0, decode;dur=0.5";
    const { parts, isClockStill } = timeParts(header, 30);
    expect(parts.map(({ name, ms }) => [name, ms])).toEqual([
      ["tokens", 0.5],
      ["queue", 1],
      ["run", 8],
      ["decode", 0.5],
      ["network", 20],
    ]);
    expect(isClockStill).toBe(false);
  });

  it("says when the server's clock stood still, as deployed Workers' clocks do", () => {
    const header = "tokenize;dur=0.0, queue;dur=2.0, run;dur=0.0, decode;dur=0.0";
    expect(timeParts(header, 30).isClockStill).toBe(true);
    expect(timeParts("", 30).parts.at(-1)).toEqual({ name: "network", ms: 30 });
  });

  it("is never negative, whichever clock ran faster", () => {
    expect(timeParts("run;dur=40", 30).parts.at(-1)?.ms).toBe(0);
  });

  it.each([
    [0.04, "0.0 ms"],
    [9.87, "9.9 ms"],
    [31.4, "31 ms"],
    [1_234, "1.2 s"],
  ])("reads %d as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});

describe("a bundled task", () => {
  it("has a score and a line of labels", () => {
    expect(scoreOf(bundled("sentiment"))).toEqual({ name: "accuracy", value: "85.5 %" });
    expect(scoreOf(bundled("entities"))).toEqual({ name: "F1", value: "57.4 %" });
    expect(labelsLine(bundled("sentiment"))).toBe("negative, positive");
    expect(labelsLine(bundled("entities"))).toBe("PER, LOC, ORG");
    expect(labelsLine(bundled("intent"))).toMatch(/^77 labels: /);
  });

  it("has a card that says how sure its score is, and on what", () => {
    const card = new Map(cardOf(bundled("sentiment")));
    expect(card.get("Score")).toBe(
      "accuracy 85.5 %, 95 % interval 83.4 % to 87.4 % on 1,172 rows of dev.tsv, test.tsv.gz",
    );
    expect(card.get("Kind")).toBe("gives a text one of its labels");
    expect(card.get("Version")).toMatch(/^0123456789ab, made 20\d\d-/);
  });

  it("without measurements has no score", () => {
    expect(scoreOf({ metrics: {} })).toBeNull();
    expect(scoreOf({ metrics: { metric: "pearson", pearson: 0.81234 } })).toEqual({
      name: "Pearson correlation",
      value: "0.812",
    });
  });
});

describe("examples", () => {
  it("of several tasks take turns, each text once", () => {
    const [a, b] = ["a", "b"].map((text) => ({ text, label: "x", score: 1 }));
    const pair = { text: "a", text_pair: "c", label: "x", score: 1 };
    const chips = chipsOf([{ examples: [a!, b!] }, { examples: [a!, pair] }, {}]);
    expect(chips).toEqual([
      { text: "a", pair: "" },
      { text: "b", pair: "" },
      { text: "a", pair: "c" },
    ]);
  });

  it("choose the tasks of a first visit: those that read the same kind of text", () => {
    const names = ["command", "entities", "intent", "same-question", "sentiment", "slots"];
    expect(firstTasks(names.map(bundled))).toEqual(["slots", "command", "entities"]);
    expect(firstTasks([bundled("sentiment"), bundled("intent")])).toEqual(["sentiment"]);
    expect(firstTasks([])).toEqual([]);
  });
});
