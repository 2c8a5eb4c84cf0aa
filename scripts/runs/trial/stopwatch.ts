/** Time that a run has taken in all its parts: kept in a file beside the saved state. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface Stopwatch {
  /** Seconds until now, those of earlier parts included. */
  readonly seconds: () => number;
  /** Writes them down; what passes after the last time is lost with the process. */
  readonly save: () => Promise<void>;
}

/** Goes on from what `path` says, or from zero when `isNew`. */
export async function startStopwatch(
  path: string,
  { isNew, now }: { readonly isNew: boolean; readonly now: () => number },
): Promise<Stopwatch> {
  const before = isNew ? 0 : await readSeconds(path);
  const start = now();
  const seconds = (): number => before + (now() - start) / 1000;
  return {
    seconds,
    async save() {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.tmp`, JSON.stringify({ seconds: seconds() }));
      await rename(`${path}.tmp`, path);
    },
  };
}

async function readSeconds(path: string): Promise<number> {
  try {
    return (JSON.parse(await readFile(path, "utf8")) as { seconds: number }).seconds;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
