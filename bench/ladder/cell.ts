/** One cell: the draw's rows become files, a contender learns them and answers the test rows. */
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { provenance } from "../provenance.ts";
import { writeDraw } from "./draws.ts";
import type { Draw } from "./draws.ts";
import { runHead } from "./head.ts";
import { runNames } from "./names.ts";
import { contenderSpec, runOurs } from "./ours.ts";
import type { Cell, Contender } from "./plan.ts";
import type { LadderResult, Outcome } from "./results.ts";
import { runSetFit } from "./setfit.ts";
import type { SetFitProgram } from "./setfit.ts";
import { SETS } from "./sets.ts";

/** What a contender trains: its name among the results, and the identity of a base. */
export interface Model {
  readonly name: string;
  readonly identity: string | null;
}

export interface CellOptions {
  /** Folder of the base. */
  readonly base: string;
  readonly model: Model;
  /** Needed by SetFit's cells. */
  readonly setFit: SetFitProgram | null;
  /** Folder of the pretrained start, needed by the cells of that name. */
  readonly start: string | null;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** Makes a cell; null after an interrupt. */
export async function runCell(
  cell: Cell,
  draw: Draw,
  options: CellOptions,
): Promise<LadderResult | null> {
  const dir = await mkdtemp(join(tmpdir(), "edge-prefix-ladder-"));
  try {
    const outcome = await learn(cell, draw, dir, options);
    return (
      outcome && {
        bench: "ladder",
        ...cell,
        ...outcome,
        train_rows: draw.train.length,
        test_rows: draw.test.length,
        model: options.model,
        ...(await provenance()),
        command: commandOf(cell),
        load: Number(loadavg()[0]!.toFixed(1)),
      }
    );
  } catch (error) {
    if (options.signal.aborted) return null;
    throw error;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function learn(
  { set, rows, contender, draw: seed }: Cell,
  draw: Draw,
  dir: string,
  { base, setFit, start, threads, signal, note }: CellOptions,
): Promise<Outcome | null> {
  const { nameOf } = SETS[set];
  if (contender === "full") throw new TypeError("fine-tuning is a cell of the accuracy table");
  if (rows === 0 && nameOf) {
    return runNames({ name: set, nameOf, test: draw.test, base, threads, signal });
  }
  const files = await writeDraw(dir, draw, SETS[set].type);
  const common = { test: draw.test, seed, threads, signal };
  if (contender === "setfit") return runSetFit({ ...common, ...setFit!, files });
  const { train } = files;
  if (contender === "head" && SETS[set].type === "sequence") {
    return runHead({ ...common, train, base });
  }
  const out = join(dir, "task");
  const spec = contenderSpec(contender, { seed, start });
  return runOurs({ test: draw.test, threads, signal, name: set, spec, train, base, out, note });
}

function optionsOf(contender: Contender): string {
  if (contender === "setfit") return "--python PATH --checkpoint DIR";
  return contender === "start" ? "--base DIR --start DIR" : "--base DIR";
}

/** The command that makes this cell, whatever the one was that made it among others. */
const commandOf = ({ set, rows, contender, draw }: Cell): string =>
  `npx edge-prefix bench ladder --data DATA ${optionsOf(contender)} --sets ${set} --rows ${rows} --draws ${draw + 1} --contenders ${contender}`;
