/** The verb that makes API keys: what it prints opens a Worker that was given what it wrote. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readApiKeys } from "../../../src/http/settings/api-keys.ts";
import { fakeApp } from "../../support/fake-app.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("keys");
afterAll(() => folder.remove());
const file = join(folder.path, "keys.json");

describe("key", () => {
  it("prints a key that no other call prints, and on standard error how the Worker knows it", async () => {
    const one = await runVerb("key", "shop");
    const two = await runVerb("key", "shop");
    expect(one.code).toBe(0);
    expect(one.out).toEqual([expect.stringMatching(/^ep_[\w-]{43}$/)]);
    expect(one.out).not.toEqual(two.out);
    expect(one.err.join("\n")).toContain('"name":"shop"');
    expect(one.err.join("\n")).not.toContain(one.out[0]);
  });

  it("adds entries to a list that a Worker opens to both keys and to no other", async () => {
    const shop = await runVerb("key", "shop", "--task", "sentiment", "--file", file);
    const ops = await runVerb(
      "key",
      "ops",
      "--scope",
      "predict",
      "--scope",
      "admin",
      "--file",
      file,
    );
    expect([shop.code, ops.code]).toEqual([0, 0]);
    const list = readFileSync(file, "utf8");
    expect(list).not.toContain(shop.out[0]!);
    expect(readApiKeys(list)).toMatchObject([
      { name: "shop", scopes: ["predict"], tasks: ["sentiment"] },
      { name: "ops", scopes: ["predict", "admin"], tasks: null },
    ]);
    const app = fakeApp({ API_KEYS: list });
    const statusFor = async (key: string, task = "sentiment"): Promise<number> => {
      const headers = { authorization: `Bearer ${key}` };
      return (await app.predict({ inputs: "a" }, { task, headers })).status;
    };
    expect(await statusFor(shop.out[0]!)).toBe(200);
    expect(await statusFor(shop.out[0]!, "entities")).toBe(403);
    expect(await statusFor(ops.out[0]!, "entities")).toBe(200);
    expect(await statusFor("ep_" + "A".repeat(43))).toBe(401);
  });

  it("with --json prints one document", async () => {
    const { out } = await runVerb("key", "ci", "--json");
    expect(JSON.parse(out.join(""))).toMatchObject({
      key: expect.stringMatching(/^ep_/),
      entry: { name: "ci", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it("replaces no entry, and leaves a list alone that it cannot read", async () => {
    const own = join(folder.path, "own.json");
    await runVerb("key", "shop", "--file", own);
    const before = readFileSync(own, "utf8");
    const again = await runVerb("key", "shop", "--file", own);
    expect(again.code).toBe(1);
    expect(again.err.join("")).toContain("[key-exists]");
    expect(readFileSync(own, "utf8")).toBe(before);
    const broken = join(folder.path, "broken.json");
    writeFileSync(broken, "{");
    expect((await runVerb("key", "b", "--file", broken)).code).toBe(1);
    expect(readFileSync(broken, "utf8")).toBe("{");
  });

  it.each([
    [["key"], "expected one NAME"],
    [["key", "Not A Name"], "name"],
    [["key", "a", "--scope", "root"], "--scope"],
    [["key", "a", "--task", "../x"], "task"],
  ])("%j is a wrong command line", async (args, message) => {
    const { code, err } = await runVerb(...args);
    expect(code).toBe(2);
    expect(err.join("\n")).toContain(message);
  });
});
