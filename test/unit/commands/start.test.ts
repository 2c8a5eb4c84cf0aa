/** What `npm start` makes of its command line, and waiting for readiness. */
import { createServer } from "node:http";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";
import { choosePort, freePort, waitUntilReady } from "../../../scripts/dev/readiness.ts";
import { isLogRecord, showWorkerLog } from "../../../scripts/dev/worker-log.ts";
import { peerFiles } from "../../../bench/served/peer-files.ts";
import {
  exampleRequest,
  readStartOptions,
  start,
  wranglerArguments,
} from "../../../scripts/dev/start.ts";
import { temporaryFolder, writePaperBase, writeTaskFolder } from "../../support/folders.ts";

const never = new AbortController().signal;

describe("the options of npm start", () => {
  it("are its own; the rest goes to wrangler dev", () => {
    const options = readStartOptions(["--port", "8899", "--base=models/x", "--ip", "0.0.0.0"]);
    expect(options).toMatchObject({ port: 8899, base: "models/x", passed: ["--ip", "0.0.0.0"] });
    expect(options.isQuiet).toBe(false);
    expect(readStartOptions(["--quiet", "--ip=::1"])).toMatchObject({
      isQuiet: true,
      passed: ["--ip=::1"],
    });
  });

  it("are listed by --help, and nothing is started", async () => {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await start(["--help"], never)).toBe(0);
    const help = write.mock.calls.join("");
    write.mockRestore();
    for (const name of [
      "--port",
      "--base",
      "--task",
      "--engine",
      "--persist-to",
      "--bulk",
      "--quiet",
    ]) {
      expect(help).toContain(name);
    }
  });

  it("name an engine, whose entry wrangler is given", () => {
    const named = readStartOptions(["--engine", "simd"]);
    expect(named).toMatchObject({ engine: "simd", passed: [] });
    expect(wranglerArguments(named, 1, "b").slice(0, 2)).toEqual(["dev", "src/worker-simd.ts"]);
    const none = readStartOptions([]);
    expect(wranglerArguments(none, 1, "b").join(" ")).not.toContain("src/");
    expect(() => readStartOptions(["--engine=abacus"])).toThrow(/--engine.*simd/);
  });

  it("ask for batches, by a configuration that leads to their Worker", () => {
    const options = readStartOptions(["--bulk", "--ip=::1"]);
    expect(options).toMatchObject({ hasBulk: true, passed: ["--ip=::1"] });
    expect(wranglerArguments(options, 1, "b")).toContain("--config=wrangler.local.toml");
    const local = readFileSync(join(PACKAGE, "wrangler.local.toml"), "utf8");
    expect(local).toContain('binding = "BULK"\nservice = "edge-prefix-bulk"');
    expect(readFileSync(join(PACKAGE, "wrangler.bulk.toml"), "utf8")).toContain(
      'name = "edge-prefix-bulk"',
    );
  });

  it("name tasks to publish, one or several", () => {
    expect(readStartOptions([]).tasks).toEqual([]);
    expect(readStartOptions(["--task", "a", "--task=b"])).toMatchObject({
      tasks: ["a", "b"],
      passed: [],
    });
  });

  it.each([[["--port"]], [["--port", "eighty"]], [["--port", "0"]], [["--base="]]])(
    "refuses %j",
    (argv) => {
      expect(() => readStartOptions(argv)).toThrow(/--(port|base)/);
    },
  );

  it("tell wrangler which base to serve from which storage, and to print the Worker's log", () => {
    const args = wranglerArguments(readStartOptions(["--persist-to", "/x"]), 8899, "pocket");
    expect(args.join(" ")).toContain("dev --port=8899 --persist-to=/x --var=BASE:pocket");
    expect(args).toContain("--log-level=log");
    const quiet = wranglerArguments(readStartOptions(["--quiet"]), 1, "b");
    expect(quiet).toContain("--log-level=warn");
    expect(quiet).not.toContain("--quiet");
    const own = wranglerArguments(readStartOptions(["--log-level=debug"]), 1, "b");
    expect(own.filter((arg) => arg.startsWith("--log-level"))).toEqual(["--log-level=debug"]);
  });
});

describe("the example that npm start prints", () => {
  it("asks a sequence task its own first example, or lists what there is", async () => {
    const folder = temporaryFolder("start");
    const base = await writePaperBase(folder.path);
    const task = writeTaskFolder(folder.path, base);
    folder.remove();
    const examples = [{ text: "it's fine", label: "positive", score: 0.9 }];
    expect(exampleRequest("http://localhost:1", { base, tasks: [{ ...task, examples }] })).toBe(
      // As a shell takes a quote inside quotes.
      `curl -s http://localhost:1/v1/tasks/mood/predict -H 'content-type: application/json' -d '{"inputs":"it'\\''s fine"}'`,
    );
    expect(exampleRequest("http://localhost:1", { base, tasks: [task] })).toContain(
      '{"inputs":"Ada Lovelace was born in London"}',
    );
    expect(exampleRequest("http://localhost:1", { base, tasks: [task] }, true)).toContain(
      "-H 'authorization: Bearer YOUR_KEY' -d ",
    );
    expect(exampleRequest("http://localhost:1", { base, tasks: [] })).toBe(
      "curl -s http://localhost:1/v1/tasks",
    );
  });
});

describe("the log of requests", () => {
  // As wrangler 4.155 prints them at level "log": its own lines, and those of the Worker.
  const record =
    '{"level":"info","request_id":"a","method":"POST","path":"/v1/predict","status":200}';
  const printed = [
    "⎔ Starting local server...",
    "[wrangler:info] Ready on http://localhost:8787",
    '{"level":"warn","event":"api-keys-off"}',
    "[wrangler:info] POST /v1/predict 200 OK (297ms)",
    "{not a record}",
    '{"name":"of something else"}',
  ];

  it("is what the Worker says, without what wrangler says", () => {
    expect(printed.filter(isLogRecord)).toEqual(['{"level":"warn","event":"api-keys-off"}']);
    expect(isLogRecord(record)).toBe(true);
  });

  it("begins when the server is ready; of a failed start, all of it is shown", async () => {
    const said: string[] = [];
    const output = new PassThrough();
    const log = showWorkerLog(output, (line) => void said.push(line));
    const print = async (line: string): Promise<void> => {
      output.write(`${line}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (const line of printed) await print(line);
    expect(said).toEqual([]);
    log.flush();
    expect(said).toEqual(['{"level":"warn","event":"api-keys-off"}']);
    log.open();
    await print(record);
    await print("[wrangler:info] GET / 200 OK (1ms)");
    expect(said.slice(1)).toEqual([record]);
  });
});

describe("the files of a benchmark's peer", () => {
  const files = async () => {
    const folder = temporaryFolder("peer");
    mkdirSync(join(folder.path, "onnx"));
    writeFileSync(join(folder.path, "onnx", "model_quantized.onnx"), "");
    writeFileSync(join(folder.path, "tokenizer.json"), "{}");
    return folder;
  };

  it("are found from the folder of a checkpoint and from its ONNX file", async () => {
    const folder = await files();
    const graph = join(folder.path, "onnx", "model_quantized.onnx");
    const expected = { graph, tokenizer: join(folder.path, "tokenizer.json") };
    expect(await peerFiles(folder.path)).toEqual(expected);
    expect(await peerFiles(graph)).toEqual(expected);
    folder.remove();
  });

  it("that are missing are named", async () => {
    const folder = await files();
    await expect(peerFiles(join(folder.path, "none"))).rejects.toThrow(/none: does not exist/);
    await expect(peerFiles(join(folder.path, "onnx"))).rejects.toThrow(/has no .*quantized/);
    folder.remove();
  });
});

describe("a port", () => {
  it("that is taken is refused when it was asked for, and passed over when it was not", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await expect(choosePort(port, 1)).rejects.toMatchObject({ code: "port-in-use" });
    expect(await choosePort(undefined, port)).not.toBe(port);
    const drawn = [port, await freePort()];
    expect(await freePort(() => drawn.shift()!)).not.toBe(port);
    server.close();
  });

  it("is drawn below those of outgoing connections, which may take it before a server does", async () => {
    for (let draw = 0; draw < 20; draw++) expect(await freePort()).toBeLessThan(32_768);
  });
});

describe("waiting until ready", () => {
  it("goes on through refusals until the answer is 200", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      response.statusCode = ++requests < 3 ? 503 : 200;
      response.end("loading");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/readyz`;
    expect(await waitUntilReady(url, { withinMs: 30_000, signal: never })).toBeNull();
    expect(requests).toBe(3);
    server.closeAllConnections();
    server.close();
  });

  it("ends at once where settings are wrong, which no waiting cures, and says which", async () => {
    const problem = { code: "config-invalid", detail: 'MAX_INPUTS is "many"' };
    const server = createServer((_, response) => {
      response.statusCode = 503;
      response.end(JSON.stringify(problem));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const waiting = waitUntilReady(`http://127.0.0.1:${port}`, { withinMs: 30_000, signal: never });
    expect(await waiting).toBe('503 MAX_INPUTS is "many"');
    server.closeAllConnections();
    server.close();
    const refused = waitUntilReady(`http://127.0.0.1:${port}`, { withinMs: 300, signal: never });
    expect(await refused).toContain("ECONNREFUSED");
  });

  it("ends at once when told to, and says what it last saw", async () => {
    const stop = new AbortController();
    const port = await freePort();
    const waiting = waitUntilReady(`http://127.0.0.1:${port}`, {
      withinMs: 30_000,
      signal: stop.signal,
    });
    stop.abort();
    expect(await waiting).not.toBeNull();
  });
});
