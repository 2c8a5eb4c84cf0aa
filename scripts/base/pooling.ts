/**
 * How a checkpoint makes one vector of a text, as sentence-transformers writes it down: modules.json
 * names the folder of the pooling module, usually 1_Pooling. Vectors that are pooled in another way
 * than the checkpoint was trained with are far from what its model card promises.
 */
import { FormatError } from "../../src/core/errors.ts";
import type { BasePooling } from "../../src/core/format/manifest.ts";
import { readRecord } from "../../src/core/record.ts";
import type { RecordReader } from "../../src/core/record.ts";
import { parseJson } from "../../src/core/text.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";

export interface CheckpointPooling {
  /** null: the checkpoint does not say, or asks for something that is not offered. */
  readonly pooling: BasePooling | null;
  /** What is worth knowing, a line each. */
  readonly notes: readonly string[];
}

const CODE = "checkpoint-pooling-invalid";
const MODULES = "modules.json";
const DEFAULT_FILE = "1_Pooling/config.json";
const TRANSFORMER_FILE = "sentence_bert_config.json";

/** sentence-transformers' names -> ours; what has no name here is not offered. */
const KNOWN: ReadonlyMap<string, BasePooling> = new Map([
  ["cls", "cls"],
  ["cls_token", "cls"],
  ["mean", "mean"],
  ["mean_tokens", "mean"],
]);
/** Modules that leave the direction of a vector as it is. */
const HARMLESS = new Set(["Transformer", "Pooling", "Normalize", "Dropout"]);

/** Reads it; throws FormatError `checkpoint-pooling-invalid` or `json-invalid`. */
export async function readPooling(files: CheckpointFiles): Promise<CheckpointPooling> {
  const modules = await readModules(files);
  const named = modules.find(({ type }) => type === "Pooling");
  const candidates = [
    ...(named ? [`${named.path}/config.json`] : []),
    DEFAULT_FILE,
    TRANSFORMER_FILE,
  ];
  const others = modules.filter(({ type }) => !HARMLESS.has(type)).map(({ type }) => type);
  const notes =
    others.length > 0
      ? [
          `warning: ${MODULES} has the modules ${others.join(", ")} behind the encoder, which are left out: vectors will not be those of the checkpoint`,
        ]
      : [];
  for (const name of new Set(candidates)) {
    const bytes = await files.read(name);
    const modes = bytes === null ? [] : modesOf(readRecord(parseJson(bytes, name), name, CODE));
    const [mode] = modes;
    if (mode === undefined) continue;
    const pooling = modes.length === 1 ? KNOWN.get(mode) : undefined;
    if (pooling !== undefined) {
      return { pooling, notes: [`pooling ${pooling}, as ${name} says`, ...notes] };
    }
    const warning = `warning: ${name} asks for pooling ${modes.join(" and ")}, which is not offered; embed and train use mean unless another is named (offered are mean and cls)`;
    return { pooling: null, notes: [warning, ...notes] };
  }
  return { pooling: null, notes };
}

/** Type and folder of each module. */
async function readModules(
  files: CheckpointFiles,
): Promise<readonly { readonly type: string; readonly path: string }[]> {
  const bytes = await files.read(MODULES);
  if (bytes === null) return [];
  const json = parseJson(bytes, MODULES);
  if (!Array.isArray(json)) throw new FormatError(CODE, `${MODULES}: is not a list of modules`);
  return json.map((value: unknown, i) => {
    const r = readRecord(value, `${MODULES}[${i}]`, CODE);
    const type = r.string("type");
    // The path is joined to that of the checkpoint: nothing but folders below it may pass.
    const path = r.string("path", /^(?:[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*)?$/);
    return { type: type.slice(type.lastIndexOf(".") + 1), path };
  });
}

/** The ways of pooling that a file turns on; several are concatenated by sentence-transformers. */
function modesOf(r: RecordReader): string[] {
  const named = r.raw("pooling_mode");
  if (typeof named === "string" && named !== "") return [named];
  const prefix = "pooling_mode_";
  return r
    .fields()
    .filter((field) => field.startsWith(prefix) && r.raw(field) === true)
    .map((field) => field.slice(prefix.length));
}
