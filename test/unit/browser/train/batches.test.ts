/** A file that the command line trains on gives the recorded batches; the page's are in test/browser. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readBaseFolder } from "../../../../scripts/base/base-folder.ts";
import { BUNDLED_BASE } from "../../../../scripts/base/names.ts";
import { sha256 } from "../../../../scripts/node/hash.ts";
import { diskSources } from "../../../../scripts/runs/task/data-files.ts";
import { specOf } from "../../../../src/browser/train/worker/prepare.ts";
import { tokenizerOf } from "../../../../src/encoder/loaded-base.ts";
import { prepareTask } from "../../../../src/learn/task/prepare.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { BATCHES, BATCH_REQUEST, batchesOf } from "../../../support/recorded-batches.ts";

const folder = temporaryFolder("batches");
afterAll(folder.remove);

it("makes the batches that the page makes", async () => {
  const { file } = BATCH_REQUEST;
  writeFileSync(join(folder.path, file.name), file.bytes);
  const base = await readBaseFolder(BUNDLED_BASE);
  const tokenizer = tokenizerOf(base);
  const sources = diskSources({ folders: [folder.path], strict: false, note: () => undefined });
  const prepared = await prepareTask(specOf(BATCH_REQUEST), base.manifest, tokenizer, sources);
  const batches = await batchesOf(prepared, tokenizer, sha256);
  expect(batches).toEqual(BATCHES);
  expect(new Set(batches).size).toBe(batches.length);
});
