/**
 * Damage of local state. The emulator keeps the keys of every bucket in SQLite files, and with one that
 * a power cut or a full disk has damaged it answers errors without a reason. Such state is found
 * before it is opened, and moved aside: it may hold what its owner still wants.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UnavailableError } from "../../src/core/errors.ts";

/** A damaged file. */
export interface Damage {
  readonly file: string;
  /** The part of the state that it belongs to (`r2`, `cache`), which is of no use without it. */
  readonly part: string;
  /** What SQLite says. */
  readonly reason: string;
}

/** The folder of the emulator's files inside a state folder. */
const VERSION = "v3";

/** The damaged files of a state folder. */
export async function findDamage(state: string): Promise<Damage[]> {
  const root = join(state, VERSION);
  if (!existsSync(root)) return [];
  const sqlite = await importSqlite();
  if (sqlite === null) return [];
  const { DatabaseSync } = sqlite;
  const files = await readdir(root, { recursive: true });
  return files
    .filter((file) => file.endsWith(".sqlite"))
    .sort()
    .flatMap((file) => {
      const reason = reasonOf(join(root, file));
      return reason === null
        ? []
        : [{ file: join(root, file), part: file.split(/[\\/]/)[0]!, reason }];
    });

  /** Null for a sound file. */
  function reasonOf(file: string): string | null {
    try {
      const database = new DatabaseSync(file, { readOnly: true });
      try {
        const row = database.prepare("PRAGMA quick_check(1)").get();
        const [found] = Object.values(row ?? {});
        return found === "ok" ? null : String(found);
      } finally {
        database.close();
      }
    } catch (error) {
      return isDamaged(error) ? error.message : null;
    }
  }
}

/** Node has it from 22.13 on; null without it: then nothing can be said of the files. */
async function importSqlite(): Promise<typeof import("node:sqlite") | null> {
  // Node calls the module experimental, on standard error, once a process. It is only read from here.
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return await import("node:sqlite").catch(() => null);
  } finally {
    process.emitWarning = emitWarning;
  }
}

// Result codes of SQLite (sqlite.org/rescode.html). Any other failure, such as a file that another
// process has locked, says nothing about the file.
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

const isDamaged = (error: unknown): error is Error =>
  error instanceof Error &&
  "errcode" in error &&
  [SQLITE_CORRUPT, SQLITE_NOTADB].includes(Number(error.errcode) & 0xff);

/** Throws UnavailableError `local-state-damaged`. */
export async function checkState(state: string): Promise<void> {
  const [damage] = await findDamage(state);
  if (damage === undefined) return;
  throw new UnavailableError(
    "local-state-damaged",
    `${damage.file}: is damaged (${damage.reason}); npm start moves it aside and stores base and bundled tasks anew`,
  );
}

/** Moves the damaged parts of a state folder aside, and says which and where to. */
export async function moveDamagedAside(
  state: string,
  say: (line: string) => void,
  now: () => Date = () => new Date(),
): Promise<void> {
  const damages = await findDamage(state);
  const stamp = now().toISOString().replaceAll(":", "-");
  for (const part of new Set(damages.map((damage) => damage.part))) {
    const { file, reason } = damages.find((damage) => damage.part === part)!;
    const aside = join(state, `damaged-${stamp}`, part);
    await mkdir(dirname(aside), { recursive: true });
    await rename(join(state, VERSION, part), aside);
    say(`local state is damaged: ${file}: ${reason}`);
    say(`  moved to ${aside}; tasks of your own that were live must be pushed again`);
  }
}
