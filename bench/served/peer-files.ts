/** The files of a peer's model, from the folder of a checkpoint or from its ONNX file. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "../../scripts/cli/command.ts";

export interface PeerFiles {
  /** An ONNX graph with its weights inside. */
  readonly graph: string;
  /** Null where it is missing. */
  readonly tokenizer: string | null;
}

const GRAPH = join("onnx", "model_quantized.onnx");
const TOKENIZER = "tokenizer.json";

/** A file: that graph, with the tokenizer beside it or one folder above. Throws UsageError. */
export async function peerFiles(path: string): Promise<PeerFiles> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new UsageError(`--peer ${path}: does not exist`);
  const graph = found.isDirectory() ? join(path, GRAPH) : path;
  if (!(await isFile(graph))) throw new UsageError(`--peer ${path}: has no ${GRAPH}`);
  const folders = found.isDirectory() ? [path] : [dirname(path), dirname(dirname(path))];
  for (const folder of folders) {
    const tokenizer = join(folder, TOKENIZER);
    if (await isFile(tokenizer)) return { graph, tokenizer };
  }
  return { graph, tokenizer: null };
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isFile() ?? false;
