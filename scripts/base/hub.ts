/**
 * Checkpoints from a model hub, by plain HTTP: `<endpoint>/<owner>/<name>/resolve/<commit>/<file>`.
 * HF_ENDPOINT and HF_TOKEN are honoured as Hugging Face's own tools honour them.
 *
 * A revision is looked up once, so that all files are those of one commit. Files arrive in a folder of
 * that commit; a download that broke off goes on where it was, also in another run.
 */
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { FormatError, NotFoundError, UnavailableError } from "../../src/core/errors.ts";
import { parseJson } from "../../src/core/text.ts";
import { sha256Hex } from "../node/hash.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";

export interface HubOptions {
  readonly endpoint: string;
  readonly token: string | undefined;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** Where files are kept until the checkpoint has been read. */
  readonly folder: string;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Called as bytes arrive; `total` is 0 when the hub does not say. */
  readonly onProgress: (file: string, done: number, total: number) => void;
  /** Waits before another attempt. */
  readonly wait: (ms: number) => Promise<void>;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_REVISION = "main";
/** Attempts to go on with a file whose connection breaks. */
const MAX_ATTEMPTS = 4;
const RETRY_MS = 1_000;

/** `owner/name`, and the revision where the text has one behind an @. */
export interface HubId {
  readonly id: string;
  readonly revision: string;
}

const HUB_ID = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/;

/** Reads `owner/name` or `owner/name@revision`; null for anything else. */
export function readHubId(text: string): HubId | null {
  const [, id, revision = DEFAULT_REVISION] = HUB_ID.exec(text) ?? [];
  return id === undefined ? null : { id, revision };
}

/** Endpoint, token and the folder of downloads as the environment gives them. */
export function hubSettings(
  env: Readonly<Record<string, string | undefined>>,
): Pick<HubOptions, "endpoint" | "token" | "folder"> {
  return {
    endpoint: (env["HF_ENDPOINT"] || DEFAULT_ENDPOINT).replace(/\/+$/, ""),
    token: env["HF_TOKEN"] || undefined,
    folder: join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "edge-prefix", "hub"),
  };
}

/** A hub model's files, and what they are called on the card. */
export interface HubFiles extends CheckpointFiles {
  /** Address and commit, once a file has been read. */
  source(): Promise<string>;
  /** Removes what has been downloaded. */
  clear(): Promise<void>;
}

/**
 * The files of a hub model. Reading throws UnavailableError `hub-unreachable`, NotFoundError
 * `hub-refused`.
 */
export function hubFiles(id: string, options: HubOptions): HubFiles {
  let commit: Promise<string> | undefined;
  const commitOf = (): Promise<string> => (commit ??= findCommit(id, options));
  const place = sha256Hex(`${options.endpoint}/${id}`).slice(0, 16);
  const folder = join(options.folder, place);
  return {
    subject: `hub model ${id}`,
    async read(name) {
      const at = await commitOf();
      const url = `${options.endpoint}/${id}/resolve/${encodeURIComponent(at)}/${name}`;
      const path = join(folder, encodeURIComponent(at), name);
      return download(url, name, path, options);
    },
    source: async () => `${options.endpoint}/${id}@${await commitOf()}`,
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The commit of the revision; mirrors without the hub's API are asked by the revision's name. */
async function findCommit(id: string, options: HubOptions): Promise<string> {
  const { endpoint, revision } = options;
  const url = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
  const response = await request(url, options);
  if (response.status === 404) {
    if (revision === DEFAULT_REVISION) return revision;
    throw new NotFoundError(
      "hub-refused",
      `${url}: the hub knows no revision "${revision}" of ${id}; name a branch, a tag or a commit`,
    );
  }
  checkAllowed(url, response, options);
  const bytes = await response.arrayBuffer().catch((cause: unknown) => {
    throw unreachable(url, cause, options);
  });
  const json = parseJson(new Uint8Array(bytes), url);
  const sha = (json as { sha?: unknown } | null)?.sha;
  if (typeof sha === "string" && /^[0-9a-f]{40,64}$/.test(sha)) return sha;
  throw new FormatError(
    "hub-invalid",
    `${url}: answered without the "sha" of a commit; is ${endpoint} a model hub (HF_ENDPOINT)?`,
  );
}

function checkAllowed(url: string, response: Response, { token }: HubOptions): void {
  if (response.ok) return;
  const isDenied = response.status === 401 || response.status === 403;
  const hint = token
    ? "does HF_TOKEN have access to this model, and have its terms been accepted on its page?"
    : "is the model's name right? A private or gated model needs HF_TOKEN";
  throw new NotFoundError(
    "hub-refused",
    `${url}: the hub answered ${response.status}${isDenied ? `; ${hint}` : ""}`,
  );
}

/** Downloads a file, or goes on with it; null where the hub has none of this name. */
async function download(
  url: string,
  name: string,
  path: string,
  options: HubOptions,
): Promise<Uint8Array | null> {
  const known = await readFile(path).catch(() => null);
  if (known) return known;
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      if (!(await goOn(url, name, part, options))) return null;
      break;
    } catch (error) {
      if (!(error instanceof UnavailableError) || attempt === MAX_ATTEMPTS) throw error;
      await options.wait(attempt * RETRY_MS);
    }
  }
  await rename(part, path);
  return readFile(path);
}

/** Asks for what is missing of `part` and appends it; false where there is no such file. */
async function goOn(
  url: string,
  name: string,
  part: string,
  options: HubOptions,
): Promise<boolean> {
  let done = (await stat(part).catch(() => null))?.size ?? 0;
  let response = await request(url, options, done);
  // What is there is no beginning of the file, or already all of it.
  if (response.status === 416) {
    await rm(part, { force: true });
    done = 0;
    response = await request(url, options);
  }
  if (response.status === 404) return false;
  checkAllowed(url, response, options);
  if (response.status !== 206) done = 0;
  const total = done + Number(response.headers.get("content-length") ?? 0);
  const file = await open(part, done === 0 ? "w" : "a");
  try {
    for await (const chunk of response.body ?? []) {
      await file.write(chunk);
      done += chunk.byteLength;
      options.onProgress(name, done, total);
    }
  } catch (cause) {
    throw unreachable(url, cause, options);
  } finally {
    await file.close();
  }
  return true;
}

async function request(url: string, options: HubOptions, from = 0): Promise<Response> {
  const { token, signal, fetch } = options;
  const headers = {
    // A compressed answer could not be gone on with.
    "accept-encoding": "identity",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(from > 0 ? { range: `bytes=${from}-` } : {}),
  };
  try {
    return await fetch(url, { headers, signal });
  } catch (cause) {
    throw unreachable(url, cause, options);
  }
}

function unreachable(url: string, cause: unknown, { endpoint, signal }: HubOptions): Error {
  if (signal.aborted && cause instanceof Error) return cause;
  // fetch hides the reason ("getaddrinfo ENOTFOUND ..") in the cause of its TypeError.
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new UnavailableError(
    "hub-unreachable",
    `${url}: cannot be downloaded (${reason}); is ${endpoint} reachable from here (HF_ENDPOINT names a mirror)? Another run goes on where this one was; a folder with the files works without a network`,
    { cause },
  );
}
