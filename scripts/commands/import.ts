/** `import`: a Hugging Face checkpoint, from a folder or the hub, becomes a base folder. */
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NotFoundError } from "../../src/core/errors.ts";
import { checkName } from "../../src/core/format/keys.ts";
import type { Fidelity } from "../../src/core/format/manifest.ts";
import type { Base } from "../../src/encoder/base.ts";
import { TABLE_FORMS } from "../../src/encoder/quantize-weights.ts";
import { folderFiles } from "../base/checkpoint-files.ts";
import type { CheckpointFiles } from "../base/checkpoint-files.ts";
import { doubtsAbout, fidelityLine, forecastOfBase } from "../base/fitness.ts";
import { forecastLine } from "../base/forecast.ts";
import { nameFrom } from "../base/names.ts";
import { runtimeNote } from "../base/runtimes.ts";
import { hubFiles, hubSettings, readHubId } from "../base/hub.ts";
import { startProgress } from "../cli/progress.ts";
import type { Progress } from "../cli/progress.ts";
import { UsageError, defineCommand, readChoice, required } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";

export const command = defineCommand({
  summary: "turn a Hugging Face checkpoint into a base",
  usage: "FOLDER | OWNER/NAME[@REVISION] --out DIR",
  example: "npx edge-prefix import sentence-transformers/all-MiniLM-L6-v2 --out models/minilm",
  options: {
    out: {
      type: "string",
      value: "DIR",
      hint: "base folder to write; an existing base is replaced",
    },
    dtype: {
      type: "string",
      value: "int8|fp32",
      default: "int8",
      hint: "weights as 8-bit integers (for serving) or as floats",
    },
    lora: {
      type: "boolean",
      hint: "an 8-bit graph that also takes LoRA tasks, for serving by onnxruntime (our own kernels always do)",
    },
    tables: {
      type: "string",
      value: TABLE_FORMS.join("|"),
      hint: "words of an int8 base in 8 bits, or in 4 with positions in 8 (default: int8 where that fits into an isolate)",
    },
    licence: {
      type: "string",
      value: "ID",
      hint: "licence of the weights, such as apache-2.0 (default: what the checkpoint's README says)",
    },
    name: { type: "string", value: "NAME", hint: "name of the base (default: the checkpoint's)" },
  },
  async run({ values, positionals, io }) {
    const [from, ...more] = positionals;
    if (from === undefined || more.length > 0) {
      throw new UsageError(`import: expected one folder or hub id, found ${positionals.length}`);
    }
    const out = required(values.out, "--out");
    const dtype = readChoice(values.dtype, "--dtype", ["int8", "fp32"])!;
    const asked = readChoice(values.tables, "--tables", TABLE_FORMS);
    if (asked !== undefined && dtype === "fp32") {
      throw new UsageError("--tables: only tables of an int8 base have another form");
    }
    const name = checkName("base", values.name ?? nameFrom(from.replace(/@.*$/, "")));
    const started = performance.now();

    // ONNX Runtime takes a moment to load, and --help needs neither.
    const { checkBaseReplaceable, writeBaseFolder } = await import("../base/base-folder.ts");
    const { readCheckpoint } = await import("../base/checkpoint.ts");
    const { checkpointConfig, importCheckpoint } = await import("../base/convert.ts");
    const { tablesThatFit } = await import("../base/forecast.ts");
    const { withFidelity } = await import("../../src/encoder/base.ts");
    const { checkWritable } = await import("../node/disk.ts");
    const { resolveOptional } = await import("../node/optional-package.ts");
    const { createNodeSession } = await import("../node/runtime-node.ts");
    // Asked before a download and a conversion that need it at their end.
    if (dtype === "int8") resolveOptional("onnxruntime-node");
    await checkBaseReplaceable(out);
    await checkWritable(out);
    const { files, source, clear } = await locate(from, io);
    io.err(`reading ${source}`);
    const found = await readCheckpoint(files, source);
    const checkpoint = { ...found, licence: values.licence ?? found.licence };
    const notes: string[] = [];
    const note = (line: string): void => {
      notes.push(line);
      io.err(line.startsWith("warning: ") ? line : `note: ${line}`);
    };
    const options = { name, created: new Date(), note, takesLowRank: values.lora === true };
    io.err(`building ${dtype} graph`);
    const tables = asked ?? tablesThatFit(checkpointConfig(checkpoint));
    if (asked === undefined && tables === "compact" && dtype === "int8") {
      note("words are stored in 4 bits, since in 8 the base would not fit into an isolate");
    }
    const quantizing = { openSession: createNodeSession, tables };
    const packed = await importCheckpoint(
      checkpoint,
      dtype === "int8" ? { ...options, dtype, ...quantizing } : { ...options, dtype },
    );
    const remark = runtimeNote("serving", packed.manifest);
    if (remark !== null) note(remark);
    const float = { ...options, note: () => {}, dtype: "fp32" } as const;
    const base =
      dtype === "int8"
        ? withFidelity(packed, await compare(packed, await importCheckpoint(checkpoint, float)))
        : packed;
    await writeBaseFolder(out, base);
    await clear();
    report(base, { out, source, notes, seconds: (performance.now() - started) / 1000 }, io);
    return 0;
  },
});

interface Located {
  readonly files: CheckpointFiles;
  readonly source: string;
  /** Removes what has been downloaded, once it is not needed any more. */
  clear(): Promise<void>;
}

async function locate(from: string, io: Io): Promise<Located> {
  const found = await stat(from).catch(() => null);
  if (found?.isDirectory()) {
    const source = basename(resolve(from));
    return { files: folderFiles(from), source, clear: () => Promise.resolve() };
  }
  const named = readHubId(from);
  if (found || !named) {
    throw new NotFoundError(
      "checkpoint-not-found",
      `checkpoint ${from}: ${found ? "is a file" : "there is no such folder"}; expected a folder with config.json, or a hub id like owner/name or owner/name@revision`,
    );
  }
  let progress: Progress | undefined;
  let current = "";
  const onProgress = (file: string, done: number, total: number): void => {
    if (total === 0) return;
    if (file !== current) {
      progress?.stop();
      progress = startProgress(io, { label: file, total });
      current = file;
    }
    progress?.update(done);
    if (done >= total) progress?.stop();
  };
  const settings = hubSettings(process.env);
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal: io.signal });
  const connection = { fetch: globalThis.fetch, signal: io.signal, onProgress, wait };
  const hub = hubFiles(named.id, { ...settings, ...connection, revision: named.revision });
  return { files: hub, source: await hub.source(), clear: () => hub.clear() };
}

/** The int8 base on the runtime that serves, against float32 on the native one. */
async function compare(base: Base, reference: Base): Promise<Fidelity> {
  const { fidelityOf } = await import("../base/accuracy.ts");
  const { loadEncoder } = await import("../base/open-base.ts");
  return fidelityOf(
    { base: reference, load: (own) => loadEncoder(own, "node") },
    { base, load: (own) => loadEncoder(own, "serving") },
  );
}

interface Outcome {
  readonly out: string;
  readonly source: string;
  readonly notes: readonly string[];
  readonly seconds: number;
}

function report({ manifest, files }: Base, { out, source, notes, seconds }: Outcome, io: Io): void {
  const bytes = [...files.values()].reduce((sum, file) => sum + file.byteLength, 0);
  if (io.json) {
    const { name, dtype, identity, checkpoint, pooling, fidelity = null } = manifest;
    const forecast = forecastOfBase(manifest);
    const sizes = Object.fromEntries([...files].map(([file, data]) => [file, data.byteLength]));
    io.out(
      JSON.stringify({
        name,
        dtype,
        out,
        source,
        identity,
        checkpoint,
        bytes,
        files: sizes,
        fidelity,
        forecast,
        pooling,
        notes,
        seconds,
      }),
    );
    return;
  }
  const { fidelity } = manifest;
  if (fidelity) io.out(fidelityLine(fidelity));
  for (const line of doubtsAbout(manifest)) io.err(`warning: ${line}`);
  const forecast = forecastOfBase(manifest);
  if (forecast) io.out(forecastLine(forecast));
  io.out(
    `base ${manifest.name}@${manifest.identity.slice(0, 12)} in ${out}: ${manifest.dtype}, ${(bytes / 1e6).toFixed(1)} MB, ${seconds.toFixed(1)} s`,
  );
}
