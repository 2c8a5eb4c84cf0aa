/** What the verbs that train show while they do: a bar of the steps, a line for each epoch. */
import { startProgress } from "./progress.ts";
import type { Progress } from "./progress.ts";
import type { RunState } from "../../src/learn/loop/run-state.ts";
import type { Io } from "./command.ts";

/** A bar that begins with the first step that is made; a resumed run's is that much shorter. */
export function startStepBar(io: Io, label: string) {
  let progress: Progress | null = null;
  let first = 0;
  return {
    /** `step`, from 1, of `totalSteps` is made. */
    update({ step, totalSteps }: { step: number; totalSteps: number }, note: string): void {
      if (!progress) {
        first = step - 1;
        progress = startProgress(io, { label, total: totalSteps - first });
      }
      progress.update(step - first, note);
    },
    clear: (): void => progress?.clear(),
    stop: (): void => progress?.stop(),
  };
}

/** The epoch that has just ended. */
export function epochLine({ history, best }: RunState, epochs: number, scoreName: string): string {
  const { epoch, loss, score } = history.at(-1)!;
  // The mean of several runs stands at the last epoch, too, with a score of its own.
  const star = best?.epoch === epoch && best.score === score ? " (best)" : "";
  return `epoch ${epoch}/${epochs} · loss ${loss.toFixed(4)} · ${scoreName} ${score.toFixed(4)}${star}`;
}
