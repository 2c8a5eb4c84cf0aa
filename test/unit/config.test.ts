/** Settings: defaults, forms and complaints. */
import { describe, expect, it } from "vitest";
import { SETTINGS, readConfig } from "../../src/config.ts";

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

  it("that are wrong are all named at once", () => {
    const read = () => readConfig({ BASE: "Not A Name", MAX_INPUTS: "many", DEADLINE_MS: -1 });
    expect(read).toThrow(/MAX_INPUTS.*DEADLINE_MS.*BASE/s);
    expect(() => readConfig({})).toThrow(/BASE/);
  });
});
