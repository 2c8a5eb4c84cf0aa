/** Learning curves: training loss and evaluation score over epochs, the best epoch marked. */
import type { EpochFact, StepLoss, TrainingFacts } from "./facts.ts";
import type { Markup } from "./markup.ts";
import { formatNumber, formatScore, metricName } from "./numbers.ts";
import {
  bottomAxis,
  dot,
  leftAxis,
  line,
  linePath,
  linear,
  path,
  rangeFrame,
  svg,
  text,
  ticks,
} from "./svg.ts";
import type { Box, Scale } from "./svg.ts";

const WIDTH = 340;
const HEIGHT = 216;
const BOX: Box = { left: 46, right: 326, top: 28, bottom: 172 };

/** What a curve is drawn of; `unit` is what lies between two measurements. */
type Curve = Pick<TrainingFacts, "epochs" | "stepLosses"> & { readonly unit?: string };

/** Loss of each epoch as dots and, where steps were recorded, their smoothed course behind them. */
export function lossCurve({ epochs, stepLosses = [], unit = "epoch" }: Curve): Markup {
  const top = Math.max(...epochs.map(({ loss }) => loss), ...stepLosses.map(({ loss }) => loss));
  const x = epochScale(epochs);
  const y = linear([0, top], [BOX.bottom, BOX.top]);
  const last = epochs.at(-1)!;
  const points = epochs.map(({ epoch, loss }) => [x(epoch), y(loss)] as const);
  return svg(
    WIDTH,
    HEIGHT,
    `Training loss: ${formatScore(epochs[0]!.loss)} in the first ${unit}, ${formatScore(last.loss)} in the last`,
    frame(epochs, x, [0, top], y, unit),
    text(0, 12, "training loss", { kind: "label" }),
    stepLosses.length > 1 &&
      path(linePath(stepLosses.map(({ epoch, loss }) => [x(epoch), y(loss)])), "trace"),
    path(linePath(points), "series"),
    points.map(([cx, cy], i) =>
      dot(cx, cy, 2.5, "ink", `${unit} ${epochs[i]!.epoch}: ${formatScore(epochs[i]!.loss)}`),
    ),
    text(x(last.epoch), y(last.loss) - 9, formatScore(last.loss), { anchor: "end", kind: "value" }),
  );
}

/** Score of each epoch; the best has a larger dot, its number, and a fine line to the axis. */
export function scoreCurve({
  epochs,
  bestEpoch,
  scoreName,
  unit = "epoch",
}: Curve & Pick<TrainingFacts, "bestEpoch" | "scoreName">): Markup {
  const scores = epochs.map(({ score }) => score);
  const domain = [Math.min(...scores), Math.max(...scores)] as const;
  const x = epochScale(epochs);
  // Off the axis, so that the smallest is seen, too.
  const y = linear(domain, [BOX.bottom - 10, BOX.top + 14]);
  const best = epochs.find(({ epoch }) => epoch === bestEpoch) ?? epochs.at(-1)!;
  const points = epochs.map(({ epoch, score }) => [x(epoch), y(score)] as const);
  const isRight = x(best.epoch) > (BOX.left + BOX.right) / 2;
  return svg(
    WIDTH,
    HEIGHT,
    `${metricName(scoreName)} on the evaluation rows: best ${formatScore(best.score)} after ${unit} ${best.epoch}`,
    frame(epochs, x, domain, y, unit),
    text(0, 12, `${metricName(scoreName)} on the evaluation rows`, { kind: "label" }),
    line(x(best.epoch), y(best.score), x(best.epoch), BOX.bottom, "guide"),
    path(linePath(points), "series"),
    points.map(([cx, cy], i) =>
      dot(cx, cy, 2.5, "ink", `${unit} ${epochs[i]!.epoch}: ${formatScore(epochs[i]!.score)}`),
    ),
    best.epoch !== epochs[0]!.epoch &&
      text(x(epochs[0]!.epoch) + 5, y(epochs[0]!.score) + 4, formatScore(epochs[0]!.score), {
        kind: "value",
      }),
    dot(x(best.epoch), y(best.score), 4.5, "accent"),
    text(
      x(best.epoch) + (isRight ? 4 : -4),
      y(best.score) - 10,
      `best ${formatScore(best.score)}`,
      {
        anchor: isRight ? "end" : "start",
        kind: "value accent",
      },
    ),
  );
}

/** From the start of training (0) to the end of the last epoch. */
const epochScale = (epochs: readonly EpochFact[]): Scale =>
  linear([0, epochs.at(-1)!.epoch], [BOX.left, BOX.right]);

function frame(
  epochs: readonly EpochFact[],
  x: Scale,
  [low, high]: readonly [number, number],
  y: Scale,
  unit: string,
) {
  const last = epochs.at(-1)!.epoch;
  const whole = ticks(0, last, 8).filter(Number.isInteger);
  return [
    rangeFrame(BOX, [x(0), x(last)], [y(low), y(high)]),
    bottomAxis(BOX, whole, x, formatNumber),
    leftAxis(BOX, ticks(low, high, 5), y, formatNumber),
    text(BOX.right, HEIGHT - 6, unit, { anchor: "end" }),
  ];
}

/** Points in the smoothed course of the loss: more than that no screen shows. */
const MAX_POINTS = 160;

/**
 * The course of the loss within epochs: means over consecutive steps, as many to a mean as leave at
 * most 160 of them. `firstStep` counts from 1; a resumed run has no losses from before it.
 */
export function smoothLosses(
  losses: readonly number[],
  firstStep: number,
  stepsPerEpoch: number,
): StepLoss[] {
  const size = Math.max(1, Math.ceil(losses.length / MAX_POINTS));
  return Array.from({ length: Math.ceil(losses.length / size) }, (_, i) => {
    const part = losses.slice(i * size, (i + 1) * size);
    return {
      epoch: (firstStep - 1 + i * size + part.length) / stepsPerEpoch,
      loss: part.reduce((sum, loss) => sum + loss, 0) / part.length,
    };
  });
}
