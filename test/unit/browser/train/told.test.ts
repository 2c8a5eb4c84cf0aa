import { describe, expect, it } from "vitest";
import { told } from "../../../../src/browser/train/worker/told.ts";

describe("work that tells on the way", () => {
  it("yields what is told in order, and returns what the work returns", async () => {
    const items = told<number, string>(async (tell) => {
      tell(1);
      tell(2);
      await Promise.resolve();
      tell(3);
      return "done";
    });
    const seen: number[] = [];
    let next = await items.next();
    for (; next.done !== true; next = await items.next()) seen.push(next.value);
    expect(seen).toEqual([1, 2, 3]);
    expect(next.value).toBe("done");
  });

  it("throws what the work throws, after what was told", async () => {
    const items = told<number, void>(async (tell) => {
      tell(1);
      throw new RangeError("no");
    });
    expect(await items.next()).toEqual({ done: false, value: 1 });
    await expect(items.next()).rejects.toThrow(RangeError);
  });
});
