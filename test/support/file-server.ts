/** A plain web server over a table of files, as a static host would be: ETag, 304, lengths, types; nothing else. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServer {
  /** Address without a slash at its end. */
  readonly origin: string;
  /** Requests in the order in which they arrived, as "200 /files/index.json". */
  readonly answered: string[];
  /** Answers instead of the files where it is set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  close(): Promise<void>;
}

/** What a browser must know to run a file. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  json: "application/json",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/**
 * Gives out what `read` finds under a path such as "/files/index.json"; null is 404. `headers` are
 * those of every answer.
 */
export async function serveFiles(
  read: (path: string) => Uint8Array | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<FileServer> {
  const server = createServer((request, response) => {
    if (files.answer !== null) return files.answer(request, response);
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const bytes = read(path);
    const end = (status: number, body?: Uint8Array): void => {
      files.answered.push(`${status} ${path}`);
      response.writeHead(status).end(body);
    };
    if (bytes === null) return end(404);
    const type = TYPES[path.split(".").at(-1)!];
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (type !== undefined) response.setHeader("content-type", type);
    const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
    response.setHeader("etag", etag);
    if (request.headers["if-none-match"] === etag) return end(304);
    response.setHeader("content-length", bytes.byteLength);
    end(200, bytes);
  });
  const files: FileServer = {
    origin: "",
    answered: [],
    answer: null,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(files, { origin: `http://127.0.0.1:${port}` });
}
