/** The table of docs/distillation.md: how near the student came on each source of held-back texts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../node/project.ts";
import { markdownTable, formatScore } from "../../../src/report/text.ts";

interface Near {
  readonly token_cosine: number;
  readonly spearman: number;
}
type Measured = Near & { readonly by_source: Readonly<Record<string, Near>> };

interface Run {
  readonly before: Measured;
  /** The float student, and the base that is made of it. */
  readonly after: Measured;
  readonly int8: Measured;
}

/** What each file of the corpus holds, in words. */
const SOURCES: Readonly<Record<string, string>> = {
  "enwiki2015-00.txt.gz": "Wikipedia paragraphs",
  "imdb-unsup.txt.gz": "film reviews",
  "banking77-train.txt": "questions to a bank",
  "snips-train.txt": "commands",
  "btc-tweets.txt": "tweets",
  "wnut17-train.txt": "rare entities",
};

export function distillationTable(): string {
  const [first, second] = ["pocket-1", "pocket-2"].map((name) => {
    const path = join(PACKAGE, "bench/results/distill", `${name}.json`);
    return JSON.parse(readFileSync(path, "utf8")) as Run;
  });
  const shown = ({ token_cosine: cosine, spearman }: Near): string =>
    `${formatScore(cosine)} / ${formatScore(spearman)}`;
  const columns = [first!.before, first!.after, second!.after, second!.int8];
  return markdownTable([
    ["texts", "before", "after the first run", "after the second", "as it serves, in int8"],
    ...Object.entries(SOURCES).map(([file, words]) => [
      words,
      ...columns.map(({ by_source: by }) => shown(by[file]!)),
    ]),
    ["all", ...columns.map(shown)],
  ]);
}
