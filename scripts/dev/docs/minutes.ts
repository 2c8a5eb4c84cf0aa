/** The table of `bench minutes` in docs/benchmarks.md. */
import { RESULTS, readResults } from "../../../bench/minutes/results.ts";
import { minutesRows } from "../../../bench/minutes/table.ts";
import { markdownTable, plural } from "../../../src/report/text.ts";

export function minutes(folder = RESULTS): string {
  const results = readResults(folder);
  if (results.length === 0)
    return "There are no figures yet: `npx edge-prefix bench minutes --help`.";
  const commits = [...new Set(results.map(({ commit }) => commit ?? "unknown"))].sort();
  const { cpu, vectors, node, cores } = results[0]!.machine;
  const { threads } = results[0]!;
  const loads = results.map(({ load }) => load);
  return [
    markdownTable(minutesRows(results)),
    `\`npx edge-prefix bench minutes --data DATA --base models/minilm --python PATH --checkpoint DIR --threads ${threads}\`, commit ${commits.join(", ")}, an ${cpu}${vectors === null ? "" : ` with ${vectors}`}, Node ${node.slice(1)}, [minutes](../bench/results/minutes). The machine had other work beside (${Math.min(...loads)} to ${Math.max(...loads)} busy processes on ${plural(cores, "core")}).`,
  ].join("\n\n");
}
