/**
 * A script for Node: makes tiny bases from a seed with the real importer, publishes them with the
 * real publisher into memory, records what the engines that serve answer here, and prints all of it.
 */
import { sessionImages } from "../../scripts/images/make.ts";
import { sha256 } from "../../scripts/node/hash.ts";
import type { Base } from "../../src/encoder/base.ts";
import { loadEncoder } from "../../scripts/base/open-base.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import { publishBase } from "../../scripts/publish/publish-base.ts";
import type { Queries } from "../../src/core/model/rows.ts";
import { temporaryFolder } from "../support/folders.ts";
import { createMemoryBucket } from "../support/memory-bucket.ts";
import { writeTinyBase } from "../support/tiny-base.ts";
import { FAMILIES, familyFixture } from "./make-families.ts";
import { packStates, toBase64, unpackRow } from "./fixtures.ts";
import type { Fixtures, PackedRow, Reference } from "./fixtures.ts";

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
      references.push(...(await referencesOf(base, "web")));
      if (dtype === "int8") references.push(...(await referencesOf(base, "simd")));
    }
    const objects = Object.fromEntries(
      [...bucket.objects].map(([key, { bytes }]) => [key, toBase64(bytes)]),
    );
    const families = [];
    for (const name of FAMILIES) families.push(await familyFixture(name));
    return { objects, references, families };
  } finally {
    folder.remove();
  }
}

/** Single rows, a batch of mixed lengths, no prefix and prefixes of mixed lengths, both query kinds. */
async function referencesOf(base: Base, engine: Reference["engine"]): Promise<Reference[]> {
  const { manifest } = base;
  const encoder = await loadEncoder(base, engine);
  const tokenizer = tokenizerOf(base);
  const rowOf = (text: string, numVirtualTokens: number): PackedRow => {
    const { ids, typeIds } = tokenizer.encode(text);
    return { ids: [...ids], typeIds: [...typeIds], numVirtualTokens };
  };
  const cases: [string, PackedRow[], Queries][] = [
    ["one row without a prefix", [rowOf(TEXTS[1]!, 0)], "all"],
    ["one row, first position", [rowOf(TEXTS[0]!, 3)], "first"],
    ["one row, all positions", [rowOf(TEXTS[1]!, 3)], "all"],
    ["mixed texts and prefixes", TEXTS.map((text, i) => rowOf(text, [3, 0, 7][i]!)), "all"],
  ];
  const references: Reference[] = [];
  for (const [name, rows, queries] of cases) {
    const unpacked = await Promise.all(rows.map((row) => unpackRow(row, manifest, sha256)));
    const states = packStates(await encoder.encode(unpacked, queries));
    references.push({ name, base: manifest.name, engine, rows, queries, states });
  }
  await encoder.release();
  return references;
}

process.stdout.write(JSON.stringify(await makeFixtures()));
