/** How much of a base has arrived, counted where its files pass: between a bucket and an engine. */
import { blobKey } from "../../core/format/keys.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Bucket } from "../../serve/bucket/bucket.ts";
import type { LoadProgress } from "../calls.ts";

export class Download {
  #bytes = 0;
  #total = 0;
  /** Keys of the files that are still to come. */
  readonly #left = new Set<string>();

  /** Zero bytes of zero until the base's manifest is known. */
  get progress(): LoadProgress {
    return { bytes: this.#bytes, total: this.#total };
  }

  /** The engine, which tells what there is to read when it begins to load. */
  forEngine(engine: Engine): Engine {
    return {
      prepare: async (base) => {
        this.#expect(await base.manifest);
        return engine.prepare(base);
      },
    };
  }

  /** The bucket, counting what is read. */
  fromBucket(bucket: Bucket): Bucket {
    const count = (bytes: number): void => void (this.#bytes += bytes);
    const left = this.#left;
    return {
      ...bucket,
      async get(key, maxBytes, knownEtag) {
        const object = await bucket.get(key, maxBytes, knownEtag);
        if (object !== null && object !== "unchanged" && left.delete(key)) {
          count(object.bytes.byteLength);
        }
        return object;
      },
      async stream(key, maxBytes) {
        const object = await bucket.stream(key, maxBytes);
        if (object === null || !left.delete(key)) return object;
        return { ...object, pieces: counted(object.pieces, count) };
      },
    };
  }

  #expect({ weights, tokenizer, pooler, files }: BaseManifest): void {
    this.#bytes = 0;
    this.#total = 0;
    this.#left.clear();
    for (const name of [...weights, tokenizer, ...(pooler === null ? [] : [pooler])]) {
      const { sha256, bytes } = files[name]!;
      this.#left.add(blobKey(sha256));
      this.#total += bytes;
    }
  }
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    count(piece.byteLength);
    yield piece;
  }
}
