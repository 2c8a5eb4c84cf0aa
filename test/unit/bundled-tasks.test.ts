/** The tasks in prefixes/: each belongs to the bundled base, is small, and says where it comes from. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { BUNDLED_BASE } from "../../scripts/base/names.ts";
import { readManifestOfBase } from "../../scripts/publish/publish-base.ts";
import { readPretrainedFolder } from "../../scripts/runs/task/data-files.ts";
import { startFolder } from "../../scripts/runs/task/start-folder.ts";
import { readTaskFolder } from "../../scripts/task/task-folder.ts";
import { readTaskSpec } from "../../src/learn/task/spec.ts";
import { parseJson } from "../../src/core/text.ts";
import { configurationOf } from "../../src/encoder/base.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { EXAMPLE_REQUESTS } from "../../src/http/openapi/examples.ts";
import { PREFIXES, bundledTasks } from "../support/bundled-tasks.ts";

const MAX_PREFIX_BYTES = 200_000;
const MAX_BASE_BYTES = 12_000_000;

describe("the bundled base", () => {
  it("is at most 12 MB, all its files together", async () => {
    const { manifest } = await readManifestOfBase(BUNDLED_BASE);
    const bytes = Object.values(manifest.files).map((file) => file.bytes);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MAX_BASE_BYTES);
  });

  it("lists the settings that an import would read from its config.json", async () => {
    const { manifest } = await readManifestOfBase(BUNDLED_BASE);
    const config = parseJson(readFileSync(join(BUNDLED_BASE, "config.json")), "config.json");
    const architecture = architectureOf(config);
    expect(manifest.configuration).toEqual(
      configurationOf(architecture, architecture.readConfig(config)),
    );
  });
});

describe.each(bundledTasks())("the task %s", (name) => {
  const dir = join(PREFIXES, name);
  const text = (file: string): string => readFileSync(join(dir, file), "utf8");
  const spec = readTaskSpec(new Uint8Array(readFileSync(join(dir, "task.json"))), name);

  it("was trained on the bundled base, and has answered the examples of its task.json", async () => {
    const { manifest } = await readTaskFolder(dir);
    const { manifest: base } = await readManifestOfBase(BUNDLED_BASE);
    expect(manifest.base.identity).toBe(base.identity);
    expect(manifest.task).toBe(name);
    expect(manifest.examples).toHaveLength(spec.examples.length);
    expect(manifest.examples.length).toBeGreaterThan(0);
    expect(["simd/int16", "ort/int8"]).toContain(manifest.measured_on);
  });

  it("is at most 200 kB and holds no text of its data", () => {
    expect(readFileSync(join(dir, "prefix.safetensors")).byteLength).toBeLessThanOrEqual(
      MAX_PREFIX_BYTES,
    );
    // report.html shows texts of the data unless task.json says otherwise.
    expect(spec.report).toBe("metrics");
  });

  it("names its source and licence, and how sure its score is, in CARD.md", () => {
    const card = text("CARD.md");
    expect(card).toContain(spec.data.source);
    expect(card).toContain(spec.data.licence);
    expect(card).toMatch(/95 % (?:bootstrap )?interval/);
  });

  it("has a request in the documentation", () => {
    const paths = Object.values(EXAMPLE_REQUESTS["/v1/tasks/{task}/predict"]!).map(
      ({ path }) => path,
    );
    expect(paths).toContain(`/v1/tasks/${name}/predict`);
  });
});

describe("the start pairs", () => {
  const dir = join(PREFIXES, "starts", "pairs");

  it("was pretrained on the bundled base, on data that may be passed on alone", async () => {
    const { manifest: base } = await readManifestOfBase(BUNDLED_BASE);
    const { tasks } = await readPretrainedFolder(dir, base);
    expect(tasks).toEqual(["snli"]);
    expect(readFileSync(join(dir, "prefix.safetensors")).byteLength).toBeLessThanOrEqual(
      MAX_PREFIX_BYTES,
    );
  });

  it("is found by its name from any folder", () => {
    expect(startFolder("pairs", [])).toMatch(/prefixes.starts.pairs$/);
    for (const init of ["pears", resolve("pears")]) {
      expect(() => startFolder(init, [])).toThrow(/starts with a name are pairs/);
    }
  });

  it("names its source and its licence in CARD.md", () => {
    const card = readFileSync(join(dir, "CARD.md"), "utf8");
    expect(card).toContain("license: cc-by-sa-4.0");
    expect(card).toContain("nlp.stanford.edu/projects/snli");
  });
});

it("every folder with a task.json is trained", () => {
  const sources = readdirSync(PREFIXES).filter((name) =>
    existsSync(join(PREFIXES, name, "task.json")),
  );
  expect(bundledTasks()).toEqual(sources.toSorted());
});
