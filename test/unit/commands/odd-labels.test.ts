/** What `train` says of labels that are odd, before it trains. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { watchVerb } from "../../support/verb.ts";

let dir: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-labels-"));
  await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
});
afterAll(() => rm(dir, { recursive: true }));

async function run(args: readonly string[]) {
  const { code, out, err } = await watchVerb(args, () => {});
  return { code, out, err: err.join("\n") };
}

describe("odd labels", () => {
  const labels = ["praise", "Praise", "NULL", "blame", "pr\u0430ise"];

  test.each([["--json"], []])("are warned of in the terminal, %j or not", async (...flags) => {
    const rows = labels.flatMap((label) => ["film", "plot"].map((x) => `the ${x},${label}`));
    await writeFile(at("odd.csv"), `text,label\n${rows.join("\n")}\n`);
    const epochs = ["--epochs", "1", "--method", "linear", "--out", at("odd")];
    const args = ["train", at("odd.csv"), "--base", at("base"), ...epochs, ...flags];
    const { code, out, err } = await run(args);
    expect(code).toBe(0);
    expect(err).toMatch(/warning: labels "Praise" .*"praise" .* differ only in case/);
    expect(err).toMatch(/warning: labels .*"pr\\u\{430\}ise" \(2 rows\).* look alike/);
    expect(err).toMatch(
      /warning: label "NULL" \(2 rows\) often stands for a label that is missing/,
    );
    if (flags.length === 0) return;
    const { warnings } = JSON.parse(out.join("")) as { warnings: string[] };
    expect(warnings).toHaveLength(3);
    expect(err).toContain(`warning: ${warnings[0]}`);
  });
});
