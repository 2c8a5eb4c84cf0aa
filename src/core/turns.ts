/**
 * Long computing in short turns. JavaScript has one thread, so whoever else waits is served only
 * between two turns; how to get there (a timer, nothing at all) is up to the caller.
 */

/** Work that yields where others may have a turn. */
export type InTurns<T> = Generator<void, T, void>;

/** The same to whoever only does it. */
export type Turns<T> = Iterator<void, T, void>;

/** Work so short that nobody needs a turn meanwhile. */
export const inOneTurn = <T>(work: () => T): Turns<T> => ({
  next: () => ({ done: true, value: work() }),
});

/** Does the work to its end at one go. */
export function atOnce<T>(work: Turns<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Does the work, and waits for `turn` wherever it yields. What `turn` throws ends it. */
export async function turnByTurn<T>(work: Turns<T>, turn: () => Promise<void>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await turn();
  }
}
