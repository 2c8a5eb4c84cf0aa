/**
 * Checkpoints from a model hub, by plain HTTP: `<endpoint>/<owner>/<name>/resolve/main/<file>`.
 * HF_ENDPOINT and HF_TOKEN are honoured as Hugging Face's own tools honour them.
 */
import { NotFoundError, UnavailableError } from "../../src/core/errors.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";

export interface HubOptions {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Called as bytes arrive; `total` is 0 when the hub does not say. */
  readonly onProgress: (file: string, done: number, total: number) => void;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Whether `text` looks like `owner/name`. */
export const isHubId = (text: string): boolean => /^[\w.-]+\/[\w.-]+$/.test(text);

/** Endpoint and token as the environment gives them. */
export function hubSettings(env: Readonly<Record<string, string | undefined>>): {
  endpoint: string;
  token: string | undefined;
} {
  return {
    endpoint: (env["HF_ENDPOINT"] || DEFAULT_ENDPOINT).replace(/\/+$/, ""),
    token: env["HF_TOKEN"] || undefined,
  };
}

/** The files of a hub model. Reading throws UnavailableError `hub-unreachable`, NotFoundError `hub-refused`. */
export function hubFiles(id: string, options: HubOptions): CheckpointFiles {
  return {
    subject: `hub model ${id}`,
    async read(name) {
      const url = `${options.endpoint}/${id}/resolve/main/${name}`;
      const response = await request(url, options);
      if (response.status === 404) return null;
      if (!response.ok) {
        const isDenied = response.status === 401 || response.status === 403;
        throw new NotFoundError(
          "hub-refused",
          `${url}: the hub answered ${response.status}${isDenied ? `; ${options.token ? "does HF_TOKEN have access to this model?" : "is the model's name right? A private or gated model needs HF_TOKEN"}` : ""}`,
        );
      }
      return readBody(url, name, response, options);
    },
  };
}

async function request(url: string, options: HubOptions): Promise<Response> {
  const headers = options.token ? { authorization: `Bearer ${options.token}` } : {};
  try {
    return await options.fetch(url, { headers, signal: options.signal });
  } catch (cause) {
    throw unreachable(url, cause, options);
  }
}

async function readBody(
  url: string,
  name: string,
  response: Response,
  options: HubOptions,
): Promise<Uint8Array> {
  const total = Number(response.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let done = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      done += chunk.byteLength;
      options.onProgress(name, done, total);
    }
  } catch (cause) {
    throw unreachable(url, cause, options);
  }
  return Buffer.concat(chunks);
}

function unreachable(url: string, cause: unknown, { endpoint, signal }: HubOptions): Error {
  if (signal.aborted && cause instanceof Error) return cause;
  // fetch hides the reason ("getaddrinfo ENOTFOUND ..") in the cause of its TypeError.
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new UnavailableError(
    "hub-unreachable",
    `${url}: cannot be downloaded (${reason}); is ${endpoint} reachable from here (HF_ENDPOINT names a mirror)? A folder with the files works without a network`,
    { cause },
  );
}
