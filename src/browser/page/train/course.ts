/** The course of a run as points of a drawing. */

/** Points of the line; a longer run is drawn by means. */
const MAX_POINTS = 160;

/** A point of the drawing, both from 0 to 1, the second upwards. */
export type ChartPoint = readonly [x: number, y: number];

export interface Course {
  readonly losses: readonly number[];
  readonly totalSteps: number;
  /** Scores with the step after which each was measured. */
  readonly scores: readonly { readonly step: number; readonly score: number }[];
}

/** The line of the losses: means over equal parts, the highest at the top. */
export function lossLine({ losses, totalSteps }: Course): ChartPoint[] {
  const size = Math.max(1, Math.ceil(losses.length / MAX_POINTS));
  const means: { step: number; loss: number }[] = [];
  for (let start = 0; start < losses.length; start += size) {
    const part = losses.slice(start, start + size);
    const loss = part.reduce((sum, value) => sum + value, 0) / part.length;
    means.push({ step: start + part.length, loss });
  }
  const most = Math.max(...means.map(({ loss }) => loss), Number.MIN_VALUE);
  return means.map(({ step, loss }) => [step / Math.max(1, totalSteps), loss / most]);
}

/** The dots of the scores, from 0 to 1 as scores are. */
export const scoreDots = ({ scores, totalSteps }: Course): ChartPoint[] =>
  scores.map(({ step, score }) => [
    step / Math.max(1, totalSteps),
    Math.min(1, Math.max(0, score)),
  ]);
