/**
 * Long computing in short turns. JavaScript has one thread, so other requests are served only
 * between two turns. The caller decides what happens there: it waits for a timer, or goes straight on.
 */

/** Work as its author writes it: a generator that yields where other requests may have a turn. */
export type InTurns<T> = Generator<void, T, void>;

/** Work as its caller sees it: steps to be taken until one of them is done. */
export type Turns<T> = Iterator<void, T, void>;

/** Work that is too short to be interrupted. */
export const inOneTurn = <T>(work: () => T): Turns<T> => ({
  next: () => ({ done: true, value: work() }),
});

/** Does the work to its end without pausing. */
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
