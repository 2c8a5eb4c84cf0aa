/**
 * Added tokens: strings such as "[MASK]" that are cut out of the text before anything else sees it.
 *
 * Leftmost match first, the longest of those that start there. Tokens with `normalized: false` are
 * looked for in the raw text, the others in the normalized text of what is left.
 */
import { codePointAt, codePointBefore, type Units } from "../text/text-buffer.ts";
import { Trie } from "../text/trie.ts";
import { SPACE, codePointFlags, isWordCharacter } from "../text/unicode.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Do not match next to a word character. */
  readonly isSingleWord: boolean;
  /** Take the white space before, after the match into the token. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
}

/** Calls `segment` for each part of the text in order; `id` is -1 for text between tokens. */
export type Splitter = (
  text: Units,
  segment: (id: number, start: number, end: number) => void,
) => void;

/** Makes the splitter for tokens that match as `patterns[i]`; undefined when there are none. */
export function addedTokenSplitter(
  tokens: readonly AddedToken[],
  patterns: readonly string[],
): Splitter | undefined {
  if (tokens.length === 0) return undefined;
  const flags = codePointFlags();
  const trie = new Trie();
  // Of tokens with the same pattern the first counts.
  patterns.forEach((pattern, index) => {
    const node = trie.find(pattern);
    if (node < 0 || trie.value(node) < 0) trie.set(pattern, index);
  });
  const isSpace = (code: number): boolean => (flags[code]! & SPACE) !== 0;

  return (text, segment) => {
    let done = 0; // everything before is handed out
    for (let i = 0; i < text.length;) {
      let node: number = Trie.ROOT;
      let found = -1;
      let end = i;
      for (let j = i; j < text.length; j++) {
        node = trie.child(node, text.charCodeAt(j));
        if (node < 0) break;
        if (trie.value(node) < 0) continue;
        found = trie.value(node);
        end = j + 1;
      }
      if (found < 0) {
        i++;
        continue;
      }
      const token = tokens[found]!;
      let start = i;
      i = end; // a match that is refused below still hides what it covers, as in Python
      if (token.isSingleWord && touchesWord(text, start, end)) continue;
      if (token.stripsLeft) {
        start = Math.max(start, done);
        while (start > done && isSpace(codePointBefore(text, start))) start--; // spaces are 1 unit
      }
      if (token.stripsRight) {
        while (end < text.length && isSpace(codePointAt(text, end))) end++;
      }
      if (end <= start) continue; // white space that the token before already took
      if (done < start) segment(-1, done, start);
      segment(token.id, start, end);
      done = end;
    }
    if (done < text.length) segment(-1, done, text.length);
  };
}

function touchesWord(text: Units, start: number, end: number): boolean {
  return (
    (start > 0 && isWordCharacter(codePointBefore(text, start))) ||
    (end < text.length && isWordCharacter(codePointAt(text, end)))
  );
}
