/** The cells of `bench minutes` as text: a row for each set and seed. */
import { CONTENDERS, SET_IDS } from "./plan.ts";
import type { Contender } from "./plan.ts";
import type { MinutesResult } from "./results.ts";

const MISSING = "-";

/** Rows of cells, the first one the header; ratios are of CPU time, and of wall time in brackets. */
export function minutesRows(results: readonly MinutesResult[]): string[][] {
  const rows = SET_IDS.flatMap((set) => {
    const own = results.filter((result) => result.set === set);
    const seeds = [...new Set(own.map(({ seed }) => seed))].sort((a, b) => a - b);
    return seeds.map((seed) => {
      const at = (contender: Contender): MinutesResult | undefined =>
        own.find((result) => result.contender === contender && result.seed === seed);
      const cells = CONTENDERS.map(at);
      return [
        own[0]!.title,
        String(seed),
        ...cells.map((cell) => (cell ? (100 * cell.best).toFixed(1) : MISSING)),
        ...cells.map(timeText),
        ratioText(at("ours"), at("peft")),
      ];
    });
  });
  const header = ["", "seed", "score", "PEFT's", "CPU s to near it", "PEFT's CPU s", "ratio"];
  return [header, ...rows];
}

const timeText = (cell: MinutesResult | undefined): string =>
  cell
    ? `${cell.reached.cpu_seconds.toFixed(0)} of ${cell.curve.at(-1)!.cpu_seconds.toFixed(0)}`
    : MISSING;

function ratioText(ours: MinutesResult | undefined, peft: MinutesResult | undefined): string {
  if (!ours || !peft) return MISSING;
  const cpu = ours.reached.cpu_seconds / peft.reached.cpu_seconds;
  const wall = ours.reached.seconds / peft.reached.seconds;
  return `${cpu.toFixed(2)} (${wall.toFixed(2)})`;
}
