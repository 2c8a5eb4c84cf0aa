/** The frame of the command line: exit codes, messages, what goes to which stream. */
import { describe, expect, it } from "vitest";
import { main } from "../../../scripts/cli/main.ts";
import { closest } from "../../../scripts/cli/closest.ts";
import { readChoice, readInteger, readNumber } from "../../../scripts/cli/command.ts";
import { startProgress } from "../../../scripts/cli/progress.ts";
import { readPackageFile } from "../../../scripts/node/project.ts";
import { VERBS } from "../../../scripts/commands/verbs.ts";

/** Runs one command line without a process; `out` and `err` are the lines written. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(
    argv,
    {
      stdin: emptyStdin(),
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
      signal: new AbortController().signal,
    },
    VERBS,
  );
  return { code, out: out.join("\n"), err: err.join("\n") };
}

async function* emptyStdin(): AsyncGenerator<Uint8Array> {}

describe("the command line", () => {
  it("lists every verb when asked for help", async () => {
    const { code, out, err } = await run("--help");
    expect(code).toBe(0);
    for (const verb of Object.keys(VERBS)) expect(out).toMatch(new RegExp(`^  ${verb} `, "m"));
    expect(err).toBe("");
  });

  it.each(Object.entries(VERBS))("lists %s by its own summary", async (_, { summary, load }) => {
    expect((await load()).command.summary).toBe(summary);
  });

  it("shows a verb's help for help VERB as for VERB --help", async () => {
    expect(await run("help", "train")).toEqual(await run("train", "--help"));
    expect(await run("help", "bench", "golden")).toEqual(await run("bench", "golden", "--help"));
    expect((await run("help", "trian")).err).toContain(
      'unknown verb "trian"; did you mean "train"?',
    );
  });

  it("tells the version of the package", async () => {
    const { version } = readPackageFile();
    expect(await run("--version")).toEqual({ code: 0, out: version, err: "" });
  });

  it("is wrong without a verb", async () => {
    expect((await run()).code).toBe(2);
  });

  it.each(Object.keys(VERBS))("shows usage, options and an example of %s", async (verb) => {
    const { code, out } = await run(verb, "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: npx edge-prefix ${verb}`);
    expect(out).toMatch(new RegExp(`Example:\\n(?:  .*\\n)*  .*npx edge-prefix ${verb}\\b`));
    expect(out).toContain("--json");
  });

  it.each([
    [["pusch"], `unknown verb "pusch"; did you mean "push"?`],
    [["qqqqqq"], `unknown verb "qqqqqq"`],
    [["rollback", "--too", "1"], "unknown option --too; did you mean --to?"],
    [["train", "a.csv", "--lr", "-1"], "a value that begins with a dash is written --lr=-1"],
    [["rollback", "--to"], "--to"],
    [["rollback"], "expected one task name, found 0"],
    [["push"], "at least one task folder"],
    [["list", "sentiment"], "expected no name, found 1"],
  ])("answers %j with exit code 2 and what is wrong", async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).toMatch(/^error: .*\nhint: npx edge-prefix .*--help$/s);
    expect(out).toBe("");
  });

  it("does not take a property of objects for a verb", async () => {
    expect((await run("constructor")).code).toBe(2);
    expect((await run("__proto__")).code).toBe(2);
  });
});

describe("numbers and words on the command line", () => {
  it("are read within their limits", () => {
    expect(readInteger("12", "--epochs", { min: 1 })).toBe(12);
    expect(readNumber("1e-2", "--lr")).toBe(0.01);
    expect(readNumber(undefined, "--lr")).toBeUndefined();
    expect(readChoice("int8", "--dtype", ["int8", "fp32"])).toBe("int8");
  });

  it.each([
    [() => readInteger("1.5", "--epochs"), `--epochs is "1.5", expected an integer`],
    [() => readInteger("0", "--epochs", { min: 1, max: 9 }), "expected an integer from 1 to 9"],
    [() => readNumber("", "--lr"), `--lr is "", expected a number`],
    [() => readNumber("nan", "--lr"), "expected a number"],
    [() => readChoice("int4", "--dtype", ["int8", "fp32"]), "allowed are int8, fp32"],
  ])("say what was found and what is allowed", (read, message) => {
    expect(read).toThrow(message);
  });
});

describe("the closest name", () => {
  it.each([
    ["trian", "train"],
    ["lst", "list"],
    ["roll", "rollback"],
    ["xyzzy", undefined],
  ])("to %s is %s", (name, expected) => {
    expect(closest(name, ["train", "list", "rollback"])).toBe(expected);
  });
});

describe("progress", () => {
  /** A clock that stands still unless it is moved. */
  function manualClock() {
    let time = 0;
    return { now: () => time, advance: (ms: number) => void (time += ms) };
  }

  it("in a log file is a line every ten seconds and one at the end, on standard error", () => {
    const lines: string[] = [];
    const { now, advance } = manualClock();
    const progress = startProgress(
      { err: (line) => void lines.push(line) },
      { label: "training", total: 40, now, screen: null },
    );
    for (let step = 1; step <= 40; step++) {
      advance(500);
      progress.update(step, `loss ${step}`);
    }
    progress.stop();
    expect(lines).toEqual([
      "training 20/40 · 10 s left · loss 20",
      "training 40/40 · 0 s left · loss 40",
    ]);
  });

  it("on a terminal is one line that is redrawn at most ten times a second and fits", () => {
    const written: string[] = [];
    const { now, advance } = manualClock();
    const progress = startProgress(
      { err: () => expect.unreachable() },
      {
        label: "training",
        total: 4,
        now,
        screen: { columns: 60, write: (text) => written.push(text) },
      },
    );
    for (let step = 1; step <= 4; step++) {
      advance(50);
      progress.update(step, "a note that is longer than the line");
    }
    progress.stop();
    progress.stop();
    const [hide, ...rest] = written;
    const end = rest.pop();
    expect([hide, end]).toEqual(["\u001b[?25l", "\n\u001b[?25h"]);
    expect(rest).toEqual([
      "\r\u001b[2Ktraining ████████░░░░░░░░░░░░░░░░░░░░░░ 1/4 · 0 s left · a ",
      "\r\u001b[2Ktraining ███████████████████████░░░░░░░ 3/4 · 0 s left · a ",
      "\r\u001b[2Ktraining ██████████████████████████████ 4/4 · 0 s left · a ",
    ]);
  });

  it("on a terminal leaves its line to another text, and is drawn again at once", () => {
    const written: string[] = [];
    const progress = startProgress(
      { err: () => expect.unreachable() },
      {
        label: "training",
        total: 2,
        now: () => 0,
        screen: { write: (text) => written.push(text) },
      },
    );
    progress.update(1);
    progress.clear();
    progress.update(2);
    const drawn = (bar: string) => `\r\u001b[2Ktraining ${bar} · 0 s left`;
    expect(written.slice(1)).toEqual([
      drawn("███████████████░░░░░░░░░░░░░░░ 1/2"),
      "\r\u001b[2K",
      drawn("██████████████████████████████ 2/2"),
    ]);
  });
});
