/**
 * A folder for any static host: a base and tasks below files/, in the layout in which a Worker gives
 * them out (src/http/routes/files.ts), with the script that answers in the browser and a page to try it. The
 * same base and tasks make the same bytes.
 */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
import { FILES_INDEX_KEY } from "../../src/core/format/files-index.ts";
import type { FilesIndex } from "../../src/core/format/files-index.ts";
import { baseKey, blobKey, taskKey } from "../../src/core/format/keys.ts";
import type { TaskManifest } from "../../src/core/format/manifest.ts";
import type { BasePointer, TaskPointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { MANIFEST } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { replaceFolder } from "../node/files.ts";
import { sha256Hex } from "../node/hash.ts";
import { checkVersion } from "./publish-task.ts";
import { SITE_HEADERS, sitePage } from "./site-page.ts";

/** A version of a task with the bytes of its files. */
export interface SiteTask {
  readonly manifest: TaskManifest;
  readonly manifestBytes: Uint8Array;
  readonly prefix: Uint8Array;
  readonly version: string;
}

export interface SiteOptions {
  readonly base: Base;
  readonly tasks: readonly SiteTask[];
  /** The built script and what it loads, by name (scriptFiles). */
  readonly script: ReadonlyMap<string, Uint8Array>;
}

/** What is in a site's folder besides the files of the script. */
const OWN = ["files", "index.html", "_headers"];
/** The module that a page imports. */
const ENTRY = "browser.js";
const SCRIPT_FILE = /\.(?:js|wasm)$/;

/**
 * The files of a site by their paths in it. Throws MismatchError `prefix-base-mismatch` for a task of
 * another base, InputError `task-repeated`, and what checkVersion throws.
 */
export async function siteFiles(options: SiteOptions): Promise<Map<string, Uint8Array>> {
  const { base, tasks, script } = options;
  const files = new Map(script);
  const blob = (bytes: Uint8Array): string => {
    const hash = sha256Hex(bytes);
    files.set(`files/${blobKey(hash)}`, bytes);
    return `sha256:${hash}`;
  };
  const json = (path: string, value: unknown): void =>
    void files.set(`files/${path}`, encodeUtf8(`${JSON.stringify(value)}\n`));

  const { name, identity, created } = base.manifest;
  for (const file of Object.keys(base.manifest.files)) blob(base.files.get(file)!);
  const pointer: BasePointer = {
    base: name,
    manifest: blob(base.files.get(MANIFEST)!),
    identity,
    created,
    session_image: null,
    no_image_on: null,
  };
  json(baseKey(name), pointer);
  const names = new Set<string>();
  for (const task of tasks) {
    const { manifest, manifestBytes, version, prefix } = task;
    if (names.has(manifest.task)) {
      throw new InputError(
        "task-repeated",
        `task "${manifest.task}": is named twice; name it once`,
      );
    }
    names.add(manifest.task);
    await checkVersion(task, base.manifest);
    blob(prefix);
    const entry = { version, manifest: blob(manifestBytes), created: manifest.created };
    const ofTask: TaskPointer = {
      task: manifest.task,
      current: version,
      versions: [entry],
      canary: null,
    };
    json(taskKey(manifest.task), ofTask);
  }
  const index: FilesIndex = { base: name, tasks: [...names].sort() };
  json(FILES_INDEX_KEY, index);
  files.set("_headers", encodeUtf8(SITE_HEADERS));
  files.set("index.html", encodeUtf8(sitePage(index)));
  return files;
}

/**
 * Writes a site, whole or not at all; one that is there is replaced. Throws InputError
 * `folder-not-empty` where the folder holds something else, `disk-full` or `folder-unwritable`.
 */
export async function writeSite(
  dir: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await replaceFolder(dir, files, {
    owns: (entry) => OWN.includes(entry) || SCRIPT_FILE.test(entry),
    what: "a bundle",
  });
}

/**
 * The built module `browser.js` and the files beside it that it loads, and that those load in turn.
 * Throws NotFoundError `page-not-built`.
 */
export async function scriptFiles(dir: string): Promise<Map<string, Uint8Array>> {
  const names: string[] = await readdir(dir).catch(() => []);
  if (!names.includes(ENTRY)) {
    throw new NotFoundError(
      "page-not-built",
      `${join(dir, ENTRY)}: does not exist; in a clone of the project build it: npm run page`,
    );
  }
  const files = new Map<string, Uint8Array>();
  const waiting = [ENTRY];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const bytes = await readFile(join(dir, name));
    files.set(name, bytes);
    if (!name.endsWith(".js")) continue;
    const text = bytes.toString();
    for (const other of names) {
      const isNew = SCRIPT_FILE.test(other) && !files.has(other) && !waiting.includes(other);
      // A bundler writes the names of what a module loads as they are.
      if (isNew && text.includes(other)) waiting.push(other);
    }
  }
  return files;
}
