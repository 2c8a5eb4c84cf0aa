/**
 * Training in the page beside the command line: the same rows, the same base and the same seed, once in
 * Chromium through what a person clicks, once in Node. Minutes of both, and the scores.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { promisify } from "node:util";
import { InputError } from "../src/core/errors.ts";
import { BUNDLED_BASE, baseFolder } from "../scripts/base/names.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { launchChromium } from "../scripts/dev/chromium.ts";
import { buildPage } from "../scripts/dev/page.ts";
import { servePage } from "../scripts/dev/serve-page.ts";
import { PACKAGE } from "../scripts/node/project.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

interface Trained {
  readonly seconds: number;
  readonly score: number;
}

export const bench: Command = defineCommand({
  summary: "minutes of training on 1,000 rows in the page, in Chromium, beside Node",
  usage: "--data F [--base DIR] [--rows N] [--epochs N]",
  example: "npx edge-prefix bench page-training --data sst2/train.csv",
  options: {
    data: { type: "string", value: "F", hint: "csv file; its first rows are taken" },
    base: { type: "string", value: "DIR", hint: "base folder (default: the bundled one)" },
    rows: { type: "string", value: "N", default: "1000", hint: "rows of the file" },
    epochs: { type: "string", value: "N", hint: "epochs of both (default: by the data)" },
  },
  async run({ values, io }) {
    const rows = readInteger(values.rows, "--rows", { min: 20 })!;
    const epochs = readInteger(values.epochs, "--epochs", { min: 1 });
    if (values.data === undefined) {
      throw new InputError("data-missing", "bench page-training: name a csv file with --data");
    }
    const dir = await mkdtemp(join(tmpdir(), "edge-prefix-page-training-"));
    try {
      const file = join(dir, `rows${extname(values.data)}`);
      const lines = (await readFile(values.data, "utf8")).split(/\r?\n/);
      await writeFile(file, `${lines.slice(0, rows + 1).join("\n")}\n`);
      const base = baseFolder(values.base) ?? BUNDLED_BASE;
      const page = await inChromium(file, base, epochs);
      io.err(`page: ${(page.seconds / 60).toFixed(1)} minutes, score ${page.score}`);
      const node = await inNode(file, base, epochs, join(dir, "node"));
      const found = { bench: "page-training", data: basename(values.data), rows, page, node };
      if (io.json) io.out(JSON.stringify({ ...found, ...(await provenance()) }));
      else {
        const row = (name: string, { seconds, score }: Trained): string[] => [
          name,
          (seconds / 60).toFixed(2),
          score.toFixed(3),
        ];
        const head = ["", "minutes", "score"];
        io.out(table([head, row("page (Chromium, one thread)", page), row("Node", node)]));
      }
      return 0;
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
});

/** From the click on Train to the score, which is read from the page. */
async function inChromium(
  file: string,
  base: string,
  epochs: number | undefined,
): Promise<Trained> {
  await buildPage();
  const served = await servePage(await readBaseFolder(base));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(served.url);
    await page.setInputFiles("#train-file", file);
    await page.locator(".train-settings").waitFor();
    if (epochs !== undefined) {
      await page.locator(".train-choices details summary").click();
      await page.fill("#train-epochs", String(epochs));
    }
    const start = performance.now();
    await page.getByRole("button", { name: "Train", exact: true }).click();
    const score = await page.locator(".train-score b").innerText();
    return { seconds: (performance.now() - start) / 1_000, score: Number(score) };
  } finally {
    await browser.close();
    await served.close();
  }
}

/** The whole command, the load of the base included. */
async function inNode(
  file: string,
  base: string,
  epochs: number | undefined,
  out: string,
): Promise<Trained> {
  const more = epochs === undefined ? [] : ["--epochs", String(epochs)];
  const args = ["train", file, "--base", base, "--out", out, "--name", "rows", "--json", ...more];
  const start = performance.now();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(PACKAGE, "scripts", "cli.ts"), ...args],
    { maxBuffer: 1e9 },
  );
  const seconds = (performance.now() - start) / 1_000;
  const { score } = JSON.parse(stdout) as { readonly score: { readonly value: number } };
  return { seconds, score: score.value };
}
