/**
 * Reads the import lines of the project's own sources, and finds cycles in them. Lines are matched, not
 * parsed: prettier keeps every import in one of three forms.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";

export interface Import {
  /** Path of the importing file from the project's folder, with forward slashes. */
  readonly from: string;
  /** Path of the imported file, or the name of a package (`node:fs`, `hono`). */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below the given folders of the project. */
export function readSources(project: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      // What wrangler bundles beside a configuration of its own.
      .filter((path) => !path.split(sep).includes(".wrangler"))
      .map((path) => ({
        path: relative(project, path).split(sep).join("/"),
        text: readFileSync(path, "utf8"),
      })),
  );
}

const STATIC = /^(?:import|export)(\s+type)?\b(?:[^"';]*?\bfrom)?\s*"([^"]+)"/gm;
const DYNAMIC = /(\btypeof\s+)?\bimport\(\s*"([^"]+)"/g;

/** Every import of one file, static, re-exported and dynamic. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const code = withoutComments(text);
  return [...code.matchAll(STATIC), ...code.matchAll(DYNAMIC)].map(([, type, target = ""]) => ({
    from: path,
    to: resolve(path, target),
    isTypeOnly: type !== undefined,
  }));
}

/** A file of this project, or a package; a path into node_modules names the package it leads to. */
function resolve(from: string, target: string): string {
  const path = target.startsWith(".") ? posix.join(posix.dirname(from), target) : target;
  const inside = path.startsWith("node_modules/") ? path.slice("node_modules/".length) : path;
  return target.startsWith(".") && inside === path ? path : packageOf(inside);
}

/** `hono/tiny` -> `hono`, `@scope/name/part` -> `@scope/name`, `node:fs/promises` -> `node:`. */
function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node:";
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The text without comments, as far as a line-based look can tell. */
export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{(,])\/\/.*$/gm, "$1");

/** The same edges between folders; a folder's imports of its own files are left out. */
export function betweenFolders(imports: readonly Import[]): Import[] {
  const folder = (path: string): string => posix.dirname(path);
  return imports
    .filter(({ to }) => to.endsWith(".ts"))
    .map(({ from, to, isTypeOnly }) => ({ from: folder(from), to: folder(to), isTypeOnly }))
    .filter(({ from, to }) => from !== to);
}

/** The first import cycle as a list of files that ends where it began, or null. */
export function findCycle(imports: readonly Import[]): string[] | null {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    path.push(file);
    for (const target of targets.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of targets.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return null;
}
