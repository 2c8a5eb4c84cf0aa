/** Reads files of a base or task folder, with an error that says what is missing where. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";

/** Bytes of `folder/name`; throws NotFoundError with `code` when there is no such file. */
export async function readFileOf(folder: string, name: string, code: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const writers = { base: "import or shrink", pretrained: "pretrain" };
    const [, writer] = Object.entries(writers).find(([kind]) => code.startsWith(kind)) ?? [];
    const hint = `${writer ?? "train"} writes it`;
    throw new NotFoundError(code, `${join(folder, name)}: cannot be read (${reason}); ${hint}`, {
      cause,
    });
  }
}
