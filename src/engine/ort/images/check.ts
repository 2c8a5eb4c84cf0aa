/**
 * How a restored session shows that it is the one its image was made of: it runs one short row, whose
 * hidden states have the same bits wherever the same wasm runs. The image has their checksum.
 */
import type { BaseConfiguration } from "../../../core/format/configuration.ts";
import { emptyPrefix } from "../../../core/model/prefix.ts";
import type { Row } from "../../../core/model/rows.ts";
import type { Encoder } from "../../engine.ts";
import { checksumOf } from "./memory-image.ts";

/** Few, since a Worker that starts waits for them; each layer's weights are read for any number. */
const TOKENS = 4;

/** Checksum of the hidden states of the row. */
export async function checkStates(
  encoder: Pick<Encoder, "encode">,
  configuration: BaseConfiguration,
): Promise<number> {
  const { values } = await encoder.encode([checkRow(configuration)], "all");
  return checksumOf(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function checkRow(configuration: BaseConfiguration): Row {
  return {
    // Knuth's multiplicative hash of 1, 2, 3, ..: spread over the vocabulary and always the same.
    ids: Int32Array.from(
      { length: TOKENS },
      (_, i) => (Math.imul(i + 1, 2654435761) >>> 0) % configuration.vocab_size,
    ),
    typeIds: new Int32Array(TOKENS),
    prefix: emptyPrefix(configuration),
    positionOffset: 0,
  };
}
