/** Which bases a task may be measured on besides its own: the same model in another dtype, and no other. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../../scripts/node/hash.ts";
import { baseIdentity } from "../../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { temporaryFolder, writeTaskFolder } from "../../support/folders.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { watchVerb } from "../../support/verb.ts";

const root = temporaryFolder("other-base");
const at = (name: string): string => join(root.path, name);

beforeAll(async () => {
  const base = await writeTinyBase(at("int8"), { dtype: "int8", seed: 1 });
  await writeTinyBase(at("fp32"), { dtype: "fp32", seed: 1 });
  writeTaskFolder(at("mood"), base.manifest);
  writeFileSync(at("texts.jsonl"), '"the film, great"\n');
});
afterAll(() => root.remove());

async function predictOn(base: string) {
  const task = [at("mood"), "--task-base", at("int8"), "--input", at("texts.jsonl")];
  const { code, err } = await watchVerb(["predict", ...task, "--base", base], () => {});
  return { code, err: err.join("\n") };
}

test("the same model in another dtype is allowed, with a note", async () => {
  const { code, err } = await predictOn(at("fp32"));
  expect(err).toMatch(/another import of the same checkpoint \(fp32\)/);
  expect(code).toBe(0);
});

test.each(["int8", "fp32"])(
  "%s with another configuration value is refused, whatever checkpoint its manifest names",
  async (dtype) => {
    const changed = at(`changed-${dtype}`);
    cpSync(at(dtype), changed, { recursive: true });
    const path = join(changed, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as BaseManifest;
    const configuration = { ...manifest.configuration, layer_norm_eps: 1e-6 };
    const identity = await baseIdentity({ ...manifest, configuration }, sha256);
    writeFileSync(path, JSON.stringify({ ...manifest, configuration, identity }));
    const { code, err } = await predictOn(changed);
    expect(err).toMatch(/prefix-base-mismatch.*not another dtype of it/);
    expect(code).toBe(1);
  },
);
