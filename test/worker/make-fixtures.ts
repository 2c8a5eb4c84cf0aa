/**
 * A script for Node: makes tiny bases from a seed with the real importer, publishes them with the
 * real publisher into memory, records what onnxruntime-web answers here, and prints all of it.
 */
import { sessionImages } from "../../scripts/images/session-image.ts";
import { sha256 } from "../../scripts/node/hash.ts";
import type { Base } from "../../src/encoder/base.ts";
import { publishBase } from "../../scripts/publish/publish-base.ts";
import { createWebSession } from "../../scripts/node/runtime-web.ts";
import { collate } from "../../src/core/model/collate.ts";
import type { Queries, Row } from "../../src/core/model/collate.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { LAST_HIDDEN_STATE } from "../../src/core/model/shapes.ts";
import { openTask } from "../../src/core/format/task.ts";
import { parseJson } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { createMemoryBucket } from "../support/memory-bucket.ts";
import { writeTinyBase } from "../support/tiny-base.ts";
import { makeTinyTask } from "../support/tiny-task.ts";
import { packTensor, toBase64 } from "./fixtures.ts";
import type { Fixtures, Reference } from "./fixtures.ts";

const TEXTS = [
  "a great film",
  "Angela Merkel visited Paris, and the story was long and very dull but the acting was fine",
  "x",
];

async function makeFixtures(): Promise<Fixtures> {
  const folder = temporaryFolder("worker");
  try {
    const bucket = createMemoryBucket();
    const images = await sessionImages();
    const references: Reference[] = [];
    for (const [name, dtype] of [
      ["pocket", "int8"],
      ["pocket-fp32", "fp32"],
    ] as const) {
      const dir = `${folder.path}/${name}`;
      const base = await writeTinyBase(dir, { name, dtype, seed: 1 });
      await publishBase(bucket, dir, { images });
      references.push(...(await referencesOf(base)));
    }
    const objects = Object.fromEntries(
      [...bucket.objects].map(([key, { bytes }]) => [key, toBase64(bytes)]),
    );
    return { objects, references };
  } finally {
    folder.remove();
  }
}

/** Single rows, a batch of mixed lengths, no prefix and prefixes of mixed lengths, both query kinds. */
async function referencesOf(base: Base): Promise<Reference[]> {
  const { manifest, files, graphFiles } = base;
  const session = await createWebSession(graphFiles);
  const tokenizer = createTokenizer(parseJson(files.get(manifest.tokenizer)!, "tokenizer.json"));
  const prefixOf = async (numVirtualTokens: number) => {
    if (numVirtualTokens === 0) return emptyPrefix(manifest);
    const changes = { num_virtual_tokens: numVirtualTokens };
    const made = await makeTinyTask(manifest, { task: "any", manifest: changes }, sha256);
    return (await openTask(made.manifest, "", made.prefixBytes, manifest, sha256)).prefix;
  };
  const rowOf = async (text: string, numVirtualTokens: number): Promise<Row> => {
    const { ids, typeIds } = tokenizer.encode(text);
    return { ids, typeIds, prefix: await prefixOf(numVirtualTokens), positionOffset: 0 };
  };
  const cases: [string, Row[], Queries][] = [
    ["one row without a prefix", [await rowOf(TEXTS[1]!, 0)], "all"],
    ["one row, first position", [await rowOf(TEXTS[0]!, 3)], "first"],
    ["one row, all positions", [await rowOf(TEXTS[1]!, 3)], "all"],
    [
      "mixed texts and prefixes",
      await Promise.all(TEXTS.map((text, i) => rowOf(text, [3, 0, 7][i]!))),
      "all",
    ],
  ];
  const references: Reference[] = [];
  for (const [name, rows, queries] of cases) {
    const feeds = collate(rows, manifest, queries);
    const output = (await session.run(feeds))[LAST_HIDDEN_STATE]!;
    references.push({
      name,
      base: manifest.name,
      feeds: Object.fromEntries(
        Object.entries(feeds).map(([input, tensor]) => [input, packTensor(tensor)]),
      ),
      output: packTensor(output),
    });
  }
  await session.release();
  return references;
}

process.stdout.write(JSON.stringify(await makeFixtures()));
