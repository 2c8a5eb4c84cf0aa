/** The request as code: each language's own program runs it against a server that repeats the body. */
import { execFile, execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callOf } from "../../../../src/browser/page/request.ts";
import type { Ask } from "../../../../src/browser/page/request.ts";
import { LANGUAGES, snippetOf } from "../../../../src/browser/page/snippets.ts";
import type { Language } from "../../../../src/browser/page/snippets.ts";

const ask = (task: string, more: Partial<Ask> = {}): Ask => ({
  task,
  type: "sequence",
  takesPair: false,
  ...more,
});

describe("a request", () => {
  it("of one task goes to its route, of several to the common one", () => {
    const texts = { text: "a", pair: "b" };
    expect(callOf([ask("mood")], texts)).toEqual({
      path: "/v1/tasks/mood/predict",
      body: { inputs: "a" },
    });
    expect(callOf([ask("mood"), ask("same", { takesPair: true })], texts)).toEqual({
      path: "/v1/predict",
      body: {
        items: [
          { task: "mood", inputs: "a" },
          { task: "same", inputs: { text: "a", text_pair: "b" } },
        ],
      },
    });
  });

  it("of a task for pairs without a second text is that of the first alone", () => {
    const { body } = callOf([ask("same", { takesPair: true })], { text: "a", pair: "" });
    expect(body).toEqual({ inputs: "a" });
  });
});

/** How the program of a language runs code, and what must be there for it. */
const PROGRAMS: Readonly<Record<Language, readonly [string, ...string[]]>> = {
  curl: ["sh", "-c"],
  JavaScript: [process.execPath, "--input-type=module", "--eval"],
  Python: ["python3", "-c"],
};
const NEEDS: Readonly<Record<Language, string>> = {
  curl: "curl",
  JavaScript: process.execPath,
  Python: "python3",
};

function has(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Texts that a shell, JavaScript or Python could take for something else. */
const TEXT = `it's "quoted" $HOME \`date\` \\n \\ !x %s {a}\nsecond line \u2028 مرحبا \u{1F600}`;

describe("the code of a request", () => {
  let server: Server;
  let root: string;
  let received = "";
  beforeAll(async () => {
    server = createServer((request, response) => {
      received = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (received += chunk));
      request.on("end", () => {
        const { url, headers } = request;
        const { authorization = null, "content-type": type } = headers;
        response.end(JSON.stringify({ url, type, authorization }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  /** What the code prints: the answer, in its language's own notation. */
  async function printedBy(language: Language, needsKey: boolean): Promise<string> {
    const call = callOf([ask("mood"), ask("slots")], { text: TEXT, pair: "" });
    const [program, ...args] = PROGRAMS[language];
    const code = snippetOf(language, { root, needsKey, ...call });
    const env = { ...process.env, EDGE_PREFIX_KEY: "ep_secret" };
    const { stdout } = await promisify(execFile)(program, [...args, code], { env });
    return stdout;
  }

  for (const language of LANGUAGES) {
    describe.skipIf(!has(NEEDS[language]))(`in ${language}`, () => {
      it.each([false, true])(
        "sends the very request, every character of the text, with a key: %s",
        async (needsKey) => {
          const printed = await printedBy(language, needsKey);
          expect(printed).toContain("/v1/predict");
          expect(printed).toContain("application/json");
          expect(printed.includes("Bearer ep_secret")).toBe(needsKey);
          expect(JSON.parse(received)).toEqual({
            items: [
              { task: "mood", inputs: TEXT },
              { task: "slots", inputs: TEXT },
            ],
          });
        },
      );
    });
  }

  it("holds no key, but the name of the variable that has it", () => {
    const call = callOf([ask("mood")], { text: "a", pair: "" });
    for (const language of LANGUAGES) {
      expect(snippetOf(language, { root, needsKey: true, ...call })).toContain("EDGE_PREFIX_KEY");
      expect(snippetOf(language, { root, needsKey: false, ...call })).not.toContain("EDGE_PREFIX");
    }
  });
});
