/** Regression: the answer over the truth; on the diagonal it is right. */
import type { RegressionPoint } from "./facts.ts";
import type { Markup } from "./markup.ts";
import { formatNumber } from "./numbers.ts";
import { bottomAxis, dot, leftAxis, line, linear, rangeFrame, svg, text, ticks } from "./svg.ts";
import type { Box } from "./svg.ts";

const BOX: Box = { left: 46, right: 326, top: 28, bottom: 308 };

export function regressionScatter(points: readonly RegressionPoint[]): Markup {
  const values = points.flatMap(({ truth, answer }) => [truth, answer]);
  const domain = [Math.min(...values), Math.max(...values)] as const;
  const x = linear(domain, [BOX.left, BOX.right]);
  const y = linear(domain, [BOX.bottom, BOX.top]);
  const marks = ticks(...domain, 6);
  return svg(
    340,
    348,
    `Answers of ${points.length} rows over their true values`,
    text(0, 12, "answer", { kind: "label" }),
    rangeFrame(BOX, [x(domain[0]), x(domain[1])], [y(domain[0]), y(domain[1])]),
    bottomAxis(BOX, marks, x, formatNumber),
    leftAxis(BOX, marks, y, formatNumber),
    line(x(domain[0]), y(domain[0]), x(domain[1]), y(domain[1]), "guide"),
    points.map(({ truth, answer }) => dot(x(truth), y(answer), 2.2, "accent faint")),
    text(BOX.right, BOX.bottom + 32, "truth", { anchor: "end" }),
  );
}
