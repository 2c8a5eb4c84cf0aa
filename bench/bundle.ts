/**
 * What a deployment uploads, as wrangler bundles it: bytes of every module, and compressed. By each
 * engine, or by the one that is named. Fails when the Worker by our own kernels is larger than its limit.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineCommand } from "../scripts/cli/command.ts";
import { ENGINES, ENGINE_OPTION, readEngine } from "./engines.ts";
import { bundleWorker, entryOf } from "./served/bundled.ts";
import { fileHere } from "./served/client.ts";
import { sum, table } from "./stats.ts";

/** A Worker whose engine is onnxruntime-web has this entry, and nothing of ours but a tokenizer. */
const PLAIN = fileHere("entries/cold-plain.ts");

/** Compressed bytes of the Worker by our own kernels: a fifth above what it has, for what is added. */
const MAX_GZIP_BYTES = 140_000;

export const bench = defineCommand({
  summary: "bytes of the Worker as `wrangler deploy --dry-run` bundles it, by each engine or one",
  usage: "[--engine E]",
  example: "npx edge-prefix bench bundle",
  options: ENGINE_OPTION,
  async run({ values, io }) {
    const engine = readEngine(values.engine);
    const entries =
      values.engine === undefined
        ? [...ENGINES.map((name) => [name, entryOf(name)] as const), ["peer", PLAIN] as const]
        : [[engine, entryOf(engine)] as const];
    const bundles = [];
    for (const [name, entry] of entries) {
      const modules = await bundle(entry);
      const total = (size: "bytes" | "gzip_bytes") => sum(modules.map((item) => item[size]));
      bundles.push({ name, modules, bytes: total("bytes"), gzip_bytes: total("gzip_bytes") });
    }
    if (io.json) {
      const { modules, bytes, gzip_bytes } = bundles.find(({ name }) => name === engine)!;
      const own = { engine, modules, bytes, gzip_bytes };
      io.out(JSON.stringify({ bench: "bundle", ...own, bundles }));
    } else {
      const rows = bundles.flatMap(({ name, modules, ...total }) =>
        [...modules, { module: "total", ...total }].map((item) => [
          name,
          item.module,
          item.bytes.toLocaleString("en"),
          item.gzip_bytes.toLocaleString("en"),
        ]),
      );
      io.out(table([["engine", "module", "bytes", "gzip"], ...rows]));
    }
    const simd = bundles.find(({ name }) => name === "simd");
    if (!simd || simd.gzip_bytes <= MAX_GZIP_BYTES) return 0;
    const [found, limit] = [simd.gzip_bytes, MAX_GZIP_BYTES].map((n) => n.toLocaleString("en"));
    io.err(`bundle: the Worker by simd has ${found} bytes compressed, the limit is ${limit}`);
    return 1;
  },
});

/** wrangler puts one before the name of every module but the first. */
const HASH = /^[0-9a-f]{40}-/;

interface Module {
  readonly module: string;
  readonly bytes: number;
  readonly gzip_bytes: number;
}

async function bundle(entry: string): Promise<Module[]> {
  const out = await mkdtemp(join(tmpdir(), "edge-prefix-bundle-"));
  try {
    const names = await bundleWorker(out, [entry]);
    return await Promise.all(
      names.map(async (name) => {
        const bytes = await readFile(join(out, name));
        const module = name.replace(HASH, "");
        return { module, bytes: bytes.length, gzip_bytes: gzipSync(bytes).length };
      }),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
