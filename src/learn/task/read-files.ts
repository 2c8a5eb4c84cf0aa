/** The data files of a task, wherever they lie: read in their order, and what is wrong with them told. */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { DataOptions, Dataset } from "../data/read.ts";
import { someRows } from "../data/split.ts";
import { derive, keyOf } from "../random.ts";
import type { DataFile } from "./spec.ts";

/** Where files are, which the caller knows. */
export interface FileSource {
  /** The name under which a file is shown and read. Throws where there is none. */
  readonly find: (path: string) => string;
  readonly read: (found: string, options: DataOptions) => Promise<Dataset>;
  /** Stops at the first bad row. */
  readonly strict: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note: (line: string) => void;
}

/** Bad rows shown one by one: enough to see what is wrong, few enough to see the rest. */
const MAX_SHOWN = 5;

/**
 * Reads data files; without a type the first of them decides it for all. What is left out is said
 * through `note`. Throws what the source and read.ts throw.
 */
export async function readFiles(
  files: readonly DataFile[],
  kind: { readonly type: TaskType | undefined; readonly problemType: ProblemType | undefined },
  { find, read, strict, note }: FileSource,
): Promise<Dataset[]> {
  const datasets: Dataset[] = [];
  const { problemType } = kind;
  for (const { path, maxRows = Infinity, ...options } of files) {
    const found = find(path);
    const type = kind.type ?? datasets[0]?.type;
    const data = await read(found, { ...options, ...(type && { type }), problemType, strict });
    const { problems, badRows, examples } = data;
    for (const { line, what } of problems.slice(0, MAX_SHOWN)) note(`${found}:${line}: ${what}`);
    if (badRows > 0) {
      const more = badRows > MAX_SHOWN ? ` (the first ${MAX_SHOWN} are shown)` : "";
      note(`${found}: ${badRows} bad rows left out${more}, ${examples.length} rows read`);
    }
    const isTooMany = examples.length > maxRows;
    // By the path alone: runs with different seeds must not be measured on different rows.
    const key = derive(keyOf(0), "file", path);
    datasets.push(isTooMany ? { ...data, examples: someRows(examples, maxRows, key) } : data);
  }
  return datasets;
}
