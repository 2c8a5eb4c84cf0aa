/** What was seen of the data before training, as the report and the card tell it. */
import type { DataSummary } from "../../src/learn/measure/data-summary.ts";
import type { DataFacts } from "./facts.ts";
import { formatCount, formatShare, plural } from "./numbers.ts";

export interface DataOrigin {
  readonly source: string | null;
  readonly licence: string | null;
  readonly language: string | null;
}

export function dataFacts(summary: DataSummary, origin: DataOrigin, maxLength: number): DataFacts {
  const { files, balance, lengths } = summary;
  const { source, licence, language } = origin;
  const notes = notesOf(summary, maxLength);
  return { files, source, licence, language: language ?? undefined, balance, lengths, notes };
}

/** What the numbers of the tables do not say. */
function notesOf({ duplicates, cutShare, balance }: DataSummary, maxLength: number): string[] {
  const { inEvaluation, withinTrain, conflicting } = duplicates;
  const unseen = balance.filter(({ train }) => train === 0).map(({ label }) => label);
  const unmeasured = balance.filter(({ train, eval: rows }) => train > 0 && rows === 0);
  return [
    inEvaluation > 0 &&
      `${plural(inEvaluation, "training row")} left out: ${inEvaluation === 1 ? "its text is an evaluation text" : "their texts are evaluation texts"}.`,
    withinTrain > 0 &&
      `${plural(withinTrain, "training row repeats", "training rows repeat")} an earlier text${conflicting > 0 ? `; ${plural(conflicting, "text has", "texts have")} rows that disagree about the label` : ""}.`,
    cutShare > 0 &&
      `${formatShare(cutShare)} of the training rows are longer than ${formatCount(maxLength)} tokens: training sees their beginning, serving reads all of it in windows.`,
    unseen.length > 0 && `Without training rows: ${unseen.slice(0, 20).join(", ")}.`,
    unmeasured.length > 0 &&
      `Without evaluation rows, so nothing is known of how good they are: ${unmeasured
        .slice(0, 20)
        .map(({ label }) => label)
        .join(", ")}.`,
  ].filter((note) => note !== false);
}
