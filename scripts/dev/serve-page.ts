/**
 * Gives out dist/page and the files of a base as a Worker does, without a Worker: for what is tried and
 * measured in a browser.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { baseKey, blobKey } from "../../src/core/format/keys.ts";
import { MANIFEST } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { sha256Hex } from "../node/hash.ts";
import { PACKAGE } from "../node/project.ts";

export interface ServedPage {
  /** Address with a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** What `read` finds under a path such as "/index.html", which also answers "/"; null is 404. */
export async function serveFrom(
  read: (path: string) => Promise<Uint8Array | null>,
  headers: Readonly<Record<string, string>> = {},
): Promise<ServedPage> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname === "/" ? "/index.html" : pathname;
    void read(path).then((bytes) => {
      if (bytes === null) return response.writeHead(404).end();
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      return response.end(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves what `npm run page` has built, and the base. */
export async function servePage(base: Base): Promise<ServedPage> {
  const folder = join(PACKAGE, "dist", "page");
  const policy = policyOf(await readFile(join(folder, "_headers"), "utf8"));
  const files = filesOf(base);
  const read = async (path: string): Promise<Uint8Array | null> => {
    const found = files.get(path);
    if (found !== undefined) return found;
    if (!/^\/[\w.-]+$/.test(path)) return null;
    return readFile(join(folder, path)).catch(() => null);
  };
  return serveFrom(read, { "content-security-policy": policy });
}

/** The policy that a Worker sends with the page (src/browser/page/_headers). */
function policyOf(headers: string): string {
  const policy = /content-security-policy:\s*(.+)/i.exec(headers)?.[1];
  if (policy === undefined) throw new Error("_headers: has no Content-Security-Policy");
  return policy;
}

/** What a Worker without a task answers, and the base below /files. */
function filesOf({ manifest, files }: Base): Map<string, Uint8Array> {
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const { name, identity, created } = manifest;
  const reference = `sha256:${sha256Hex(files.get(MANIFEST)!)}`;
  const pointer = { base: name, manifest: reference, identity, created };
  const served = new Map([
    ["/v1/tasks", json({ tasks: [] })],
    ["/files/index.json", json({ base: name, tasks: [] })],
    [`/files/${baseKey(name)}`, json({ ...pointer, session_image: null, no_image_on: null })],
  ]);
  for (const bytes of files.values()) served.set(`/files/${blobKey(sha256Hex(bytes))}`, bytes);
  return served;
}
