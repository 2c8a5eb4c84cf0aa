/** Tables and picture of docs/few-rows.md, from the cells of `bench ladder`. */
import { RESULTS as ACCURACY, readResults } from "../../../bench/accuracy/results.ts";
import { ladderCurve } from "../../../bench/ladder/curve.ts";
import { fullCells } from "../../../bench/ladder/full.ts";
import { RESULTS, readLadder } from "../../../bench/ladder/results.ts";
import { hasOwnCells, ladderMarkdown } from "../../../bench/ladder/table.ts";

/** The base that was imported from the checkpoint of SetFit's cells. */
const PICTURED = "all-minilm-l6-v2";
const BUNDLED = "pocket";

/** The cells of the pictured base, with those of fine-tuning its checkpoint. */
const pictured = (folder: string) => [
  ...readLadder(folder, PICTURED),
  ...fullCells(readResults(ACCURACY)),
];

/** The picture as an SVG file; null while there are no cells. */
export function ladderPicture(folder = RESULTS): string | null {
  const results = pictured(folder);
  return hasOwnCells(results) ? `${ladderCurve(results).toString()}\n` : null;
}

/** Blocks of docs/few-rows.md by their name. */
export function ladderBlocks(folder = RESULTS): Readonly<Record<string, string>> {
  const table = ladderMarkdown(pictured(folder));
  const picture = "![Accuracy by the number of rows](few-rows.svg)";
  return {
    ladder: ladderPicture(folder) === null ? table : `${picture}\n\n${table}`,
    bundled: ladderMarkdown(readLadder(folder, BUNDLED)),
  };
}
