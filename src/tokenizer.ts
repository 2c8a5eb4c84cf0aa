/**
 * The tokenizer alone, as the package's `./tokenizer`: tokenizer.json -> ids with offsets into the
 * text. It needs no model, no runtime and no host.
 *
 *     import { codePointOffsets, createTokenizer } from "edge-prefix/tokenizer";
 *     const tokenizer = createTokenizer(bytes);                  // of a tokenizer.json
 *     const { ids, starts, ends } = tokenizer.encode("A na\u00efve caf\u00e9");
 *     const toCodePoint = codePointOffsets("A na\u00efve caf\u00e9");   // a function: UTF-16 -> code points
 *     const spans = [...ids].map((_, i) => [toCodePoint(starts[i]!), toCodePoint(ends[i]!)]);
 */
export { codePointOffsets, createTokenizer, streamTokenizer } from "./core/tokenizer/tokenizer.ts";
export type { Encoding, Pieces, Tokenizer } from "./core/tokenizer/tokenizer.ts";
