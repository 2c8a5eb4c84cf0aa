/** Where a measurement comes from, stored with it: command line, commit, machine. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { promisify } from "node:util";

export interface Provenance {
  readonly command: string;
  /** Abbreviated, with `-dirty` when files differ from it; null outside a git checkout. */
  readonly commit: string | null;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
}

export async function provenance(): Promise<Provenance> {
  const git = ["describe", "--always", "--dirty", "--exclude=*"];
  const commit = await promisify(execFile)("git", git, { cwd: import.meta.dirname }).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  );
  return {
    command: ["npx edge-prefix", ...process.argv.slice(2)].join(" "),
    commit,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      node: process.version,
    },
  };
}
