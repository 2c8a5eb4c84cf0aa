/** Long work in turns: the same result at one go and turn by turn, and an end when a turn says so. */
import { expect, test } from "vitest";
import { atOnce, inOneTurn, turnByTurn } from "../../../src/core/turns.ts";
import type { InTurns } from "../../../src/core/turns.ts";

function* count(to: number, done: number[] = []): InTurns<number> {
  let sum = 0;
  for (let i = 1; i <= to; i++) {
    sum += i;
    done.push(i);
    yield;
  }
  return sum;
}

test("has the same result at one go and turn by turn", async () => {
  let turns = 0;
  const turn = (): Promise<void> => Promise.resolve(void turns++);
  expect(atOnce(count(4))).toBe(10);
  expect(await turnByTurn(count(4), turn)).toBe(10);
  expect(turns).toBe(4);
});

test("does nothing more once a turn has thrown", async () => {
  const done: number[] = [];
  const turn = (): Promise<void> =>
    done.length < 2 ? Promise.resolve() : Promise.reject(new Error("gone"));
  await expect(turnByTurn(count(4, done), turn)).rejects.toThrow("gone");
  expect(done).toEqual([1, 2]);
});

test("short work takes no turn", async () => {
  const never = (): Promise<void> => Promise.reject(new Error("a turn"));
  expect(
    await turnByTurn(
      inOneTurn(() => 3),
      never,
    ),
  ).toBe(3);
  expect(atOnce(inOneTurn(() => 3))).toBe(3);
});
