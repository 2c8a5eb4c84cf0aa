/** Settings: defaults, forms and complaints. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";
import { SETTINGS, readConfig } from "../../../src/http/settings/config.ts";

describe("settings", () => {
  it("have defaults within their own bounds", () => {
    expect(readConfig({ BASE: "pocket" })).toMatchObject({
      base: "pocket",
      maxInputs: SETTINGS.maxInputs.default,
    });
    for (const setting of Object.values(SETTINGS)) {
      expect(setting.default).toBeGreaterThanOrEqual(setting.min);
      expect(setting.default).toBeLessThanOrEqual(setting.max);
    }
  });

  it("come as numbers or as text", () => {
    expect(readConfig({ BASE: "pocket", MAX_INPUTS: "7" }).maxInputs).toBe(7);
    expect(readConfig({ BASE: "pocket", MAX_INPUTS: 7 }).maxInputs).toBe(7);
    expect(readConfig({ BASE: "pocket", MAX_INPUTS: "" }).maxInputs).toBe(
      SETTINGS.maxInputs.default,
    );
  });

  it("switch files off by a word, and by no other", () => {
    const read = (SERVE_FILES: unknown) => readConfig({ BASE: "pocket", SERVE_FILES }).servesFiles;
    expect([read(undefined), read(""), read("on"), read("off")]).toEqual([true, true, true, false]);
    expect(() => read("false")).toThrow('SERVE_FILES is "false", expected "on" or "off"');
  });

  it("that are wrong are all named at once", () => {
    const read = () => readConfig({ BASE: "Not A Name", MAX_INPUTS: "many", DEADLINE_MS: -1 });
    expect(read).toThrow(/MAX_INPUTS.*DEADLINE_MS.*BASE/s);
    expect(() => readConfig({})).toThrow(/BASE/);
  });

  it("are all in wrangler.toml, commented out with their defaults or set to what is allowed", () => {
    const text = readFileSync(join(PACKAGE, "wrangler.toml"), "utf8");
    for (const { variable, default: value, meaning } of Object.values(SETTINGS)) {
      const line = new RegExp(`^(# )?${variable} = (\\S+) +# (.*)$`, "m").exec(text);
      expect(line, `a line for ${variable}`).not.toBeNull();
      const [, mark, written = "", comment] = line!;
      expect(comment).toBe(meaning);
      if (mark === undefined) readConfig({ BASE: "pocket", [variable]: written });
      else expect(Number(written.replaceAll("_", "")), variable).toBe(value);
    }
  });
});
