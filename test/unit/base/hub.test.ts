/** Downloads, against a server on this machine that behaves as the hub does. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../../scripts/base/checkpoint.ts";
import { hubFiles, hubSettings, readHubId } from "../../../scripts/base/hub.ts";
import { writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { tinyCheckpoint } from "../../support/tiny-base.ts";

let server: Server | undefined;
afterEach(() => void server?.close());

/** Starts a server and returns its address. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((done) => server!.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const folder = temporaryFolder("hub");
afterAll(folder.remove);
let downloads = 0;

const filesAt = (
  endpoint: string,
  options: {
    token?: string;
    signal?: AbortSignal;
    revision?: string;
    folder?: string;
    onBytes?: () => void;
  } = {},
) => {
  const seen: [string, number, number][] = [];
  const files = hubFiles("owner/tiny", {
    endpoint,
    token: options.token,
    revision: options.revision ?? "main",
    folder: options.folder ?? join(folder.path, String(downloads++)),
    fetch: globalThis.fetch,
    signal: options.signal ?? new AbortController().signal,
    onProgress(...progress) {
      seen.push(progress);
      options.onBytes?.();
    },
    wait: () => Promise.resolve(),
  });
  return { files, seen };
};

/** A hub that has one file. So many answers stop after 100 bytes, until `breakOff` ends the connection. */
async function breakingHub(body: Uint8Array, breaks: number) {
  const ranges: (string | undefined)[] = [];
  let left = breaks;
  let waiting: ServerResponse | undefined;
  const endpoint = await serve((request, response) => {
    if (!request.url!.includes("/resolve/")) return response.writeHead(404).end();
    const { range } = request.headers;
    ranges.push(range);
    const rest = body.subarray(Number(/\d+/.exec(range ?? "")?.[0] ?? 0));
    response.writeHead(range ? 206 : 200, { "content-length": rest.byteLength });
    waiting = left-- > 0 ? response : undefined;
    if (waiting) waiting.write(rest.subarray(0, 100));
    else response.end(rest);
  });
  return { endpoint, ranges, breakOff: () => waiting?.destroy() };
}

describe("a hub model", () => {
  it("is downloaded by Hugging Face's paths, with the token when there is one", async () => {
    const tiny = tinyCheckpoint(1);
    const bodies: Record<string, Uint8Array> = {
      "/owner/tiny/resolve/main/config.json": tiny.config,
      "/owner/tiny/resolve/main/tokenizer.json": tiny.tokenizer,
      "/owner/tiny/resolve/main/model.safetensors": writeSafetensors(tiny.tensors),
    };
    const tokens = new Set<string | undefined>();
    const endpoint = await serve((request, response) => {
      tokens.add(request.headers.authorization);
      const body = bodies[request.url ?? ""];
      response.writeHead(body ? 200 : 404, body ? { "content-length": body.byteLength } : {});
      response.end(body);
    });
    const { files, seen } = filesAt(endpoint, { token: "hf_secret" });
    const found = await readCheckpoint(files, "owner/tiny");
    expect(found.tensors.size).toBe(tiny.tensors.size);
    expect(tokens).toEqual(new Set(["Bearer hf_secret"]));
    const [file, done, total] = seen.at(-1)!;
    expect({ file, complete: done === total }).toEqual({
      file: "model.safetensors",
      complete: true,
    });
  });

  it("is read from one commit, which the revision is looked up for", async () => {
    const sha = "0123456789abcdef0123456789abcdef01234567";
    const paths: string[] = [];
    const endpoint = await serve((request, response) => {
      paths.push(request.url!);
      const isApi = request.url!.startsWith("/api/");
      response.end(isApi ? JSON.stringify({ sha }) : "file");
    });
    const { files } = filesAt(endpoint, { revision: "refs/pr/1" });
    await files.read("config.json");
    await files.read("tokenizer.json");
    expect(paths).toEqual([
      "/api/models/owner/tiny/revision/refs%2Fpr%2F1",
      `/owner/tiny/resolve/${sha}/config.json`,
      `/owner/tiny/resolve/${sha}/tokenizer.json`,
    ]);
    expect(await files.source()).toBe(`${endpoint}/owner/tiny@${sha}`);
  });

  it("has no revision that the hub does not know", async () => {
    const endpoint = await serve((_, response) => response.writeHead(404).end());
    const { files } = filesAt(endpoint, { revision: "v9" });
    await expect(files.read("config.json")).rejects.toThrow(/no revision "v9" of owner\/tiny/);
  });

  it("goes on where a connection broke, in the same run and in the next", async () => {
    const body = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
    const { endpoint, ranges, breakOff } = await breakingHub(body, 5);
    const own = join(folder.path, "resumed");
    const read = () =>
      filesAt(endpoint, { folder: own, onBytes: breakOff }).files.read("model.safetensors");
    await expect(read()).rejects.toMatchObject({ code: "hub-unreachable" });
    expect(new Uint8Array((await read())!)).toEqual(body);
    expect(ranges).toEqual([undefined, ...[100, 200, 300, 400, 500].map((n) => `bytes=${n}-`)]);
    // The file is whole now, and is not asked for again.
    expect(new Uint8Array((await read())!)).toEqual(body);
    expect(ranges).toHaveLength(6);
  });

  it("says which file is missing", async () => {
    const endpoint = await serve((_, response) => response.writeHead(404).end());
    await expect(readCheckpoint(filesAt(endpoint).files, "x")).rejects.toThrow(
      /hub model owner\/tiny: has no config.json/,
    );
  });

  it("says what a refusal may mean, with and without a token", async () => {
    const endpoint = await serve((_, response) => response.writeHead(401).end());
    await expect(filesAt(endpoint).files.read("config.json")).rejects.toThrow(
      /answered 401; is the model's name right\? A private or gated model needs HF_TOKEN/,
    );
    await expect(filesAt(endpoint, { token: "t" }).files.read("config.json")).rejects.toThrow(
      /does HF_TOKEN have access/,
    );
    server?.close();
    const broken = await serve((_, response) => response.writeHead(500).end());
    await expect(filesAt(broken).files.read("config.json")).rejects.toThrow(/answered 500$/);
  });

  it("says that the hub cannot be reached, and why", async () => {
    const endpoint = await serve(() => {});
    await new Promise((done) => server!.close(done));
    const attempt = filesAt(endpoint).files.read("config.json");
    await expect(attempt).rejects.toThrow(/cannot be downloaded \(.*ECONNREFUSED.*HF_ENDPOINT/);
    await expect(attempt).rejects.toMatchObject({ code: "hub-unreachable" });
  });

  it("reports a connection that breaks in the middle of a file", async () => {
    const endpoint = await serve((_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("half", () => response.destroy());
    });
    await expect(filesAt(endpoint).files.read("model.safetensors")).rejects.toMatchObject({
      code: "hub-unreachable",
    });
  });

  it("stops when it is interrupted", async () => {
    const endpoint = await serve(() => {});
    const abort = new AbortController();
    const attempt = filesAt(endpoint, { signal: abort.signal }).files.read("config.json");
    abort.abort();
    await expect(attempt).rejects.toThrow(/abort/i);
    server?.closeAllConnections();
  });
});

describe("hub settings", () => {
  it("come from HF_ENDPOINT and HF_TOKEN, empty values counting as absent", () => {
    const { endpoint, token } = hubSettings({});
    expect({ endpoint, token }).toEqual({ endpoint: "https://huggingface.co", token: undefined });
    const settings = { HF_ENDPOINT: "https://mirror/", HF_TOKEN: "t", XDG_CACHE_HOME: "/cache" };
    expect(hubSettings(settings)).toEqual({
      endpoint: "https://mirror",
      token: "t",
      folder: join("/cache", "edge-prefix", "hub"),
    });
    expect(hubSettings({ HF_ENDPOINT: "", HF_TOKEN: "" }).token).toBeUndefined();
  });

  it.each([
    ["owner/name", "owner/name", "main"],
    ["sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "main"],
    ["./folder", "./folder", "main"], // a folder is looked for first
    ["owner/name@v1.0", "owner/name", "v1.0"],
    ["owner/name@refs/pr/3", "owner/name", "refs/pr/3"],
  ])("take %s for the hub id %s at %s", (text, id, revision) => {
    expect(readHubId(text)).toEqual({ id, revision });
  });

  it.each(["folder", "a/b/c", "../a/b", "https://x/y", "a/b@"])(
    "do not take %s for one",
    (text) => {
      expect(readHubId(text)).toBeNull();
    },
  );
});
