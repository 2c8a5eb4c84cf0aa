/** Downloads, against a server on this machine that behaves as the hub does. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../../scripts/base/checkpoint.ts";
import { hubFiles, hubSettings, isHubId } from "../../../scripts/base/hub.ts";
import { writeSafetensors } from "../../../src/core/format/safetensors.ts";
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

const filesAt = (endpoint: string, options: { token?: string; signal?: AbortSignal } = {}) => {
  const seen: [string, number, number][] = [];
  const files = hubFiles("owner/tiny", {
    endpoint,
    token: options.token,
    fetch: globalThis.fetch,
    signal: options.signal ?? new AbortController().signal,
    onProgress: (...progress) => void seen.push(progress),
  });
  return { files, seen };
};

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
    expect(hubSettings({})).toEqual({ endpoint: "https://huggingface.co", token: undefined });
    expect(hubSettings({ HF_ENDPOINT: "https://mirror/", HF_TOKEN: "t" })).toEqual({
      endpoint: "https://mirror",
      token: "t",
    });
    expect(hubSettings({ HF_ENDPOINT: "", HF_TOKEN: "" }).token).toBeUndefined();
  });

  it.each([
    ["owner/name", true],
    ["sentence-transformers/all-MiniLM-L6-v2", true],
    ["./folder", true], // a folder is looked for first
    ["folder", false],
    ["a/b/c", false],
    ["../a/b", false],
    ["https://x/y", false],
  ])("take %s for a hub id: %s", (text, expected) => {
    expect(isHubId(text)).toBe(expected);
  });
});
