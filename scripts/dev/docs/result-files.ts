/** Result files of bench/results, and what documents say of their making. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { plural } from "../../../src/report/text.ts";
import { PACKAGE } from "../../node/project.ts";

/** What every result file says of its making; those of load tests say it in docs/benchmarks.md. */
export interface Made {
  readonly command: string;
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly vectors?: string | null;
    readonly cores: number;
    readonly node: string;
  };
}

/** A result file by its path below bench/results. */
export const read = <T>(path: string): T =>
  JSON.parse(readFileSync(join(PACKAGE, "bench/results", path), "utf8")) as T;

/** Below a table: how it was measured, and with which file. `vectors` where an old file lacks them. */
export function madeBy(path: string, { command, commit, machine }: Made, vectors = ""): string {
  const instructions = machine.vectors ?? vectors;
  const processor = `${machine.cpu}${instructions && ` with ${instructions}`}`;
  return `\`${command}\`, commit ${commit}, ${plural(machine.cores, "core")} of an ${processor}, Node ${machine.node.slice(1)}, [${path}](../bench/results/${path})`;
}
