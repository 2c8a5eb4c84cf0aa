/** What labels do that are known by their names alone, from the files of `bench zero-shot`. */
import { formatCount, markdownTable } from "../../../src/report/text.ts";
import { madeBy, read } from "./result-files.ts";
import type { Made } from "./result-files.ts";

interface Counted {
  readonly name: string;
  readonly labels: number;
  readonly rows: number;
  readonly label: number;
  readonly zero_shot: number;
  readonly names_alone: number;
  readonly by_chance: number;
}

const BASES = [
  ["pocket", "bundled"],
  ["minilm", "MiniLM-L6"],
] as const;

const load = (name: string) => {
  const path = `zero-shot.${name}.json`;
  return { path, ...read<Made & { readonly results: readonly Counted[] }>(path) };
};
const percent = (share: number): string => (100 * share).toFixed(1);

/** The table of sets and bases: of docs/few-rows.md. */
export function namesTable(): string {
  const bases = BASES.map(([file, title]) => ({ title, results: load(file).results }));
  const rows = bases[0]!.results.flatMap(({ name, labels, rows: count, by_chance: chance }, i) =>
    bases.map(({ title, results }) => {
      const { label, zero_shot, names_alone } = results[i]!;
      const shares = [label, zero_shot, names_alone, chance].map(percent);
      return [name, String(labels), formatCount(count), title, ...shares];
    }),
  );
  const header = ["data", "labels", "rows", "base"];
  const ways = ["`label`", "`/v1/zero-shot`", "names alone", "by chance"];
  return markdownTable([[...header, ...ways], ...rows]);
}

/** The same with how it was made: of docs/benchmarks.md. */
export const zeroShot = (): string =>
  [
    namesTable(),
    ...BASES.map(([file]) => {
      const result = load(file);
      return madeBy(result.path, result);
    }),
  ].join("\n\n");
