/**
 * `npm run examples`: asks the bundled base and tasks what the documentation shows and writes their
 * answers to src/http/openapi/example-answers.ts. For after a retraining.
 *
 * It starts the Worker as `npm start` does, over a bucket of its own.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXAMPLE_REQUESTS } from "../../src/http/openapi/examples.ts";
import { PACKAGE } from "../node/project.ts";
import { choosePort, waitUntilReady } from "./readiness.ts";
import { start } from "./start.ts";

const OUT = join(PACKAGE, "src", "http", "openapi", "example-answers.ts");
const READY_WITHIN_MS = 150_000;
/** How much of a vector is shown. */
const SHOWN_NUMBERS = 3;

/** The answers by the names of their requests. */
export async function answersFrom(url: string): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  const requests = Object.values(EXAMPLE_REQUESTS).flatMap((list) => Object.entries(list));
  for (const [name, { path, body }] of requests) {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(url + path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: is ${response.status} ${text.slice(0, 300)}`);
    const answer: unknown = JSON.parse(text);
    answers[name] = shortened(path, answer);
  }
  return answers;
}

/** An answer with only the beginning of each vector. */
export function shortened(path: string, answer: unknown): unknown {
  const cut = (vector: readonly number[]): number[] => vector.slice(0, SHOWN_NUMBERS);
  if (path === "/v1/embed") return (answer as number[][]).map(cut);
  if (path !== "/v1/embeddings") return answer;
  const { data, ...rest } = answer as { data: { embedding: number[] }[] };
  return { ...rest, data: data.map((item) => ({ ...item, embedding: cut(item.embedding) })) };
}

const fileOf = (answers: Readonly<Record<string, unknown>>): string =>
  `/** Written by \`npm run examples\`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = ${JSON.stringify(answers)};
`;

if (import.meta.main) {
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-examples-"));
  const abort = new AbortController();
  const port = await choosePort(undefined, 8787);
  const argv = ["--port", String(port), "--persist-to", folder];
  const running = start(argv, abort.signal).finally(() => abort.abort());
  try {
    const url = `http://127.0.0.1:${port}`;
    const options = { withinMs: READY_WITHIN_MS, signal: abort.signal };
    const missing = await waitUntilReady(`${url}/readyz`, options);
    if (missing !== null) throw new Error(`${url}/readyz: ${missing}`);
    await writeFile(OUT, fileOf(await answersFrom(url)));
  } finally {
    abort.abort();
    await running;
    await rm(folder, { recursive: true, force: true });
  }
}
