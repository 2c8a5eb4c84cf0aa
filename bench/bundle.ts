/** What a deployment uploads, as wrangler bundles it: bytes of every module, and compressed. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Command } from "../scripts/cli/command.ts";
import { bundleWorker } from "./served/bundled.ts";
import { table } from "./stats.ts";

export const bench: Command = {
  summary: "bytes of the Worker as `wrangler deploy --dry-run` bundles it",
  usage: "",
  example: "npx edge-prefix bench bundle",
  options: {},
  async run({ io }) {
    const modules = await bundle();
    const total = {
      bytes: modules.reduce((sum, { bytes }) => sum + bytes, 0),
      gzip_bytes: modules.reduce((sum, item) => sum + item.gzip_bytes, 0),
    };
    if (io.json) io.out(JSON.stringify({ bench: "bundle", modules, ...total }));
    else {
      const rows = [...modules, { module: "total", ...total }].map((item) => [
        item.module,
        item.bytes.toLocaleString("en"),
        item.gzip_bytes.toLocaleString("en"),
      ]);
      io.out(table([["module", "bytes", "gzip"], ...rows]));
    }
    return 0;
  },
};

interface Module {
  readonly module: string;
  readonly bytes: number;
  readonly gzip_bytes: number;
}

async function bundle(): Promise<Module[]> {
  const out = await mkdtemp(join(tmpdir(), "edge-prefix-bundle-"));
  try {
    const names = await bundleWorker(out);
    return await Promise.all(
      names.map(async (module) => {
        const bytes = await readFile(join(out, module));
        return { module, bytes: bytes.length, gzip_bytes: gzipSync(bytes).length };
      }),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
