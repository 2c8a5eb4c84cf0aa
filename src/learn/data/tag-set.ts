/**
 * Warnings about tag sets that were probably meant in another way: positions without a type, or
 * written with another sign than `-`. Such tags are read as they are, as whole names.
 */
import { tagReader } from "../../core/model/spans.ts";

const MAX_SHOWN = 4;
/** Positions that are written out, or by letters that no tag set here has: `BEG-PER`, `M-PER`. */
const WORD_AS_POSITION =
  /^(?:beg|begin|start|in|ins|inside|mid|middle|end|last|unit|single|m)[^\p{L}\p{N}](?=.)/iu;

/** A sentence for everything about the tags of a task that looks malformed; usually none. */
export function tagSetWarnings(labels: readonly string[]): string[] {
  const tags = labels.filter((label) => label !== "O");
  const readTag = tagReader(labels);
  const whole = tags.filter((tag) => readTag(tag).type === tag);
  const bare = whole.filter((tag) => /^[BIESLU][^\p{L}\p{N}]?$/iu.test(tag));
  const otherSign = whole.filter((tag) => /^[BIESLU][^\p{L}\p{N}]./iu.test(tag));
  const words = whole.filter((tag) => WORD_AS_POSITION.test(tag));
  const joined = whole.filter((tag) => /^[BI]\p{Lu}{2}/u.test(tag));
  const atTheEnd = whole.filter((tag) => /.[^\p{L}\p{N}][BI]$/u.test(tag));
  const rest = whole.filter((tag) => ![...bare, ...otherSign, ...atTheEnd].includes(tag));
  const outside = rest.filter((tag) => /^(?:o|0|outside|none|_|-)$/i.test(tag));
  const warnings: string[] = [];
  const warn = (found: readonly string[], what: string): void => {
    if (found.length === 0) return;
    const more = found.length > MAX_SHOWN ? ", .." : "";
    warnings.push(`tags ${found.slice(0, MAX_SHOWN).join(", ")}${more}: ${what}`);
  };
  warn(
    bare,
    "a position without a type is read as the name of an entity, each word of its own kind; write B-NAME and I-NAME",
  );
  // A set of names may hold one such as `S_100`; several with one rest are positions.
  if (hasPairs(otherSign, (tag) => tag.slice(1))) {
    warn(
      otherSign,
      'are read as whole names; a position is a capital followed by "-", as in B-PER',
    );
  }
  if (hasPairs(words, (tag) => tag.replace(WORD_AS_POSITION, ""))) {
    warn(words, "are read as whole names; positions are B, I, E and S, as in B-PER and I-PER");
  }
  if (hasPairs(joined, (tag) => tag.slice(1))) {
    warn(joined, 'are read as whole names; a position is followed by "-", as in B-PER');
  }
  if (hasPairs(atTheEnd, (tag) => tag.slice(0, -1))) {
    warn(atTheEnd, "are read as whole names; a position stands first, as in B-PER");
  }
  warn(outside, 'are read as names of entities; words outside of any are tagged "O"');
  if (whole.length < tags.length) {
    const named = rest.filter((tag) => !outside.includes(tag));
    warn(named, "have no position, though others have one; they are read as whole names");
  }
  return warnings;
}

/** Whether two of the tags have the same rest. */
const hasPairs = (tags: readonly string[], restOf: (tag: string) => string): boolean =>
  new Set(tags.map(restOf)).size < tags.length;
