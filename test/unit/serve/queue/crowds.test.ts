/** What comes to the queue together, or while a run keeps everybody out. */
import { describe, expect, it } from "vitest";
import { LATER, arrange, kept, recordingBase, row } from "../../../support/recording-scheduler.ts";

describe("a crowd of requests whose timers fire together", () => {
  /** The host's next look at what has come in: setImmediate fires all that were set before it. */
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

  it("runs one batch a turn of the host, and who is done hears of it before the next", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const answered: number[] = [];
    const all = Array.from({ length: 12 }, (_, i) =>
      finishAll(submit(base, [row(i, 8)])).then(() => answered.push(i)),
    );
    for (let turn = 0; turn < 40 && answered.length < 12; turn++) {
      const before = runs.length;
      await nextTurn();
      expect(runs.length - before, `runs in turn ${turn}`).toBeLessThanOrEqual(1);
      // All but the one that has just run have been told.
      expect(answered.length).toBeGreaterThanOrEqual(before - 1);
    }
    await Promise.all(all);
    expect(runs).toHaveLength(12);
  });

  it("lets a request that came during a run wait for those that came with it", async () => {
    const { base, runs } = recordingBase();
    const { scheduler, submit, finishAll } = arrange();
    await finishAll(submit(base, [row(1, 8)]));
    // Both came before that run ended; one of them gets to the queue first.
    const late = [2, 3].map((id) => scheduler.submit(base, [kept(row(id, 8))], "all", LATER, 0));
    await Promise.all(late.map((jobs) => finishAll(jobs)));
    expect(runs).toEqual([[1], [2, 3]]);
  });
});

describe("requests that come to the door during a run", () => {
  it("are all taken in before the next run begins", async () => {
    const { base, runs } = recordingBase(() => (clock.turns = 0));
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const late: Promise<Float32Array[]>[] = [];
    // Four came during the first run, and the host hands over one a turn.
    clock.onTurn = () => {
      if (runs.length !== 1 || clock.turns > 4) return;
      scheduler.announce();
      late.push(finishAll(submit(base, [row(10 + clock.turns, 2)])));
    };
    await finishAll(submit(base, [row(1, 8), row(2, 8)]));
    await Promise.all(late);
    expect(runs).toEqual([[1], [11, 12, 13, 14], [2]]);
  });

  it("may have come since it began, as long as not all of them are taken in", async () => {
    const { base, runs } = recordingBase(() => (clock.time += 80));
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const seen: (number | null)[] = [];
    let turns = 0;
    clock.onTurn = () => {
      clock.time += 1;
      if (runs.length !== 2 || ++turns > 4) return;
      if (turns < 3) scheduler.announce();
      seen.push(scheduler.busySince);
    };
    await finishAll(submit(base, [row(1, 8), row(2, 8), row(3, 8)]));
    // The second run began after the first, which took 80, and two calm turns.
    expect(seen).toEqual([82, 82, 82, 82]);
    expect(scheduler.busySince).toBeNull();
  });

  it("do not stop the queue by coming for ever", async () => {
    const { base, runs } = recordingBase();
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    clock.onTurn = () => scheduler.announce();
    await finishAll(submit(base, [row(1, 8), row(2, 8), row(3, 8)]));
    expect(runs).toEqual([[1], [2], [3]]);
    expect(clock.turns).toBeLessThan(100);
  });
});

describe("the one caller of a queue", () => {
  it("gives the host one turn between full runs, and waits for a crowd only before the last", async () => {
    const turns: number[] = [];
    const { base } = recordingBase(() => turns.push(clock.turns));
    const { clock, submit, finishAll } = arrange({ maxBatchTokens: 16, hasOneCaller: true });
    await finishAll(
      submit(
        base,
        Array.from({ length: 7 }, (_, i) => row(i, 8)),
      ),
    );
    // Runs of 2, 2, 2 and 1 rows: the last is not full, so others might share it.
    expect(turns).toEqual([0, 1, 2, 4]);
  });
});
