/** Damaged local state: real SQLite files in the emulator's places, overwritten and cut off. */
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkState, findDamage, moveDamagedAside } from "../../../scripts/publish/local-state.ts";
import { temporaryFolder } from "../../support/folders.ts";

let root: ReturnType<typeof temporaryFolder>;
let objects: string;
const now = (): Date => new Date("2026-11-01T10:20:30Z");

beforeEach(() => {
  root = temporaryFolder("state");
  objects = join(root.path, "v3", "r2", "objects", "keys.sqlite");
  writeDatabase(objects);
  writeDatabase(join(root.path, "v3", "cache", "objects", "keys.sqlite"));
});
afterEach(() => root.remove());

/** A table of some pages, as that of a bucket's keys. */
function writeDatabase(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  database.exec("CREATE TABLE keys (name TEXT PRIMARY KEY)");
  const insert = database.prepare("INSERT INTO keys VALUES (?)");
  for (let i = 0; i < 500; i++) insert.run(`blobs/sha256/${String(i).padStart(64, "0")}`);
  database.close();
}

const DAMAGES: [string, () => void][] = [
  ["overwritten", () => writeFileSync(objects, Buffer.alloc(20_000, "garbage"))],
  ["cut off", () => truncateSync(objects, 9_000)],
  [
    "overwritten in the middle",
    () => writeFileSync(objects, readFileSync(objects).fill("x", 5_000, 30_000)),
  ],
];

describe("local state", () => {
  it("is sound when it is whole, empty, or not there", async () => {
    expect(await findDamage(root.path)).toEqual([]);
    expect(await findDamage(join(root.path, "none"))).toEqual([]);
    writeFileSync(objects, "");
    expect(await findDamage(root.path)).toEqual([]);
  });

  it.each(DAMAGES)("is damaged where a file is %s, and is not opened", async (_, damage) => {
    damage();
    expect(await findDamage(root.path)).toMatchObject([{ file: objects, part: "r2" }]);
    await expect(checkState(root.path)).rejects.toMatchObject({
      code: "local-state-damaged",
      message: expect.stringContaining(objects),
    });
  });

  it.each(DAMAGES)("is moved aside where a file is %s, and nothing else is", async (_, damage) => {
    damage();
    const bytes = readFileSync(objects);
    const said: string[] = [];
    await moveDamagedAside(root.path, (line) => said.push(line), now);
    const aside = join(root.path, "damaged-2026-11-01T10-20-30.000Z", "r2");
    expect(readFileSync(join(aside, "objects", "keys.sqlite")).equals(bytes)).toBe(true);
    expect(existsSync(join(root.path, "v3", "r2"))).toBe(false);
    expect(existsSync(join(root.path, "v3", "cache"))).toBe(true);
    expect(said[0]).toContain(`local state is damaged: ${objects}: `);
    expect(said[1]).toContain(aside);
    await checkState(root.path);
  });
});
