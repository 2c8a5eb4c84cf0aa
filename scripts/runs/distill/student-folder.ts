/** The results of a distillation: the int8 base, and the fp32 student with a record of the run. */
import { join } from "node:path";
import type { GraphFiles, Session } from "../../../src/engine/session.ts";
import { writeBaseFolder } from "../../base/base-folder.ts";
import type { Base } from "../../../src/encoder/base.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { writeWhole } from "../../node/files.ts";
import { removeSavedRun } from "../saved-run.ts";
import type { DistillFacts } from "./distill-run.ts";
import { packStudent } from "./packed-student.ts";
import type { Similarity } from "./similarity.ts";
import { distilledCard } from "./student-card.ts";
import { distillReport } from "./report.ts";

export interface Written {
  readonly base: Base;
  /** The int8 base on the runtime that serves. */
  readonly int8: Similarity;
  readonly bytes: number;
  readonly record: object;
}

/** Packs, measures and writes everything. The saved run is removed when it is at its end. */
export async function writeStudent(
  {
    out,
    work,
    name,
    isAtEnd,
  }: {
    readonly out: string;
    readonly work: string;
    readonly name: string;
    readonly isAtEnd: boolean;
  },
  facts: DistillFacts,
  outside: {
    readonly createSession: (files: GraphFiles) => Promise<Session>;
    readonly openServing: (base: Base) => Promise<LoadedBase>;
    readonly now: () => Date;
  },
): Promise<Written> {
  const { student, result, settings } = facts;
  const created = outside.now();
  const pack = (dtype: "int8" | "fp32", int8: Similarity | null): Promise<Base> =>
    packStudent(student, result.weights, {
      name,
      dtype,
      tables: settings.tables,
      card: (manifest) => distilledCard(manifest, facts, int8),
      openSession: outside.createSession,
      created,
    });
  const serving = await outside.openServing(await pack("int8", null));
  const int8 = await result.measure(serving);
  await serving.encoder.release();
  await result.release();

  const base = await pack("int8", int8);
  const bytes = [...base.files.values()].reduce((sum, file) => sum + file.byteLength, 0);
  const record = recordOf(name, facts, base, int8, bytes);
  await writeBaseFolder(join(work, "student"), await pack("fp32", null));
  await writeWhole(join(work, "distill.json"), `${JSON.stringify(record, null, 2)}\n`);
  await writeWhole(join(work, "report.html"), distillReport(base.manifest, facts, int8));
  await writeBaseFolder(out, base);
  if (isAtEnd) await removeSavedRun(work);
  return { base, int8, bytes, record };
}

/** The run as `distill.json` and `--json` tell of it. */
function recordOf(
  name: string,
  { student, teacher, corpus, sources, settings, result, seconds }: DistillFacts,
  base: Base,
  int8: Similarity,
  bytes: number,
) {
  const ref = ({ manifest }: Base) => ({
    name: manifest.name,
    identity: manifest.identity,
    dtype: manifest.dtype,
  });
  return {
    name,
    identity: base.manifest.identity,
    bytes,
    teacher: ref(teacher),
    student: ref(student),
    corpus: {
      files: corpus.sources.map((file, i) => ({ ...file, source: sources[i] ?? null })),
      sha256: corpus.sha256,
    },
    settings,
    steps: result.steps,
    seconds: Math.round(seconds),
    best_round: result.bestRound,
    before: result.before,
    after: result.after,
    int8,
    history: result.history,
  };
}
