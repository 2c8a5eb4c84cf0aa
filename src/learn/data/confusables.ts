/**
 * Characters that are read as others: what two labels may differ by without a person seeing it. The
 * pairs are those of Unicode's confusables.txt (UTS 39) between the scripts that are mixed most
 * often with Latin, and within Arabic and East Asian ones; compatibility forms are left to NFKD.
 */

/** Letters of other scripts, and the Latin ones that they look like. */
const ALIKE: readonly (readonly [letters: string, latin: string])[] = [
  ["аеорсухіјѕһԁԛԝӏв", "aeopcyxijshdqwlB"], // Cyrillic
  ["АВЕКМНОРСТУХІЈЅԚԜҮԌЗ", "ABEKMHOPCTYXIJSQWYG3"],
  ["αγικνορστυ", "ayikvopotu"], // Greek
  ["ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"],
  ["ոսօհցզյ", "nuohgqj"], // Armenian
  ["ıɡɑɩ", "igai"], // Latin beside ASCII
  ["‐‑‒–—−ー一", "--------"],
  ["’‘ʼ`´′", "''''''"],
  ["“”″", '"""'],
  ["یکھہ", "يكهه"], // Persian and Urdu forms of Arabic letters
  ["ロニカエタトハヘ", "口二力工夕卜八へ"],
];
/** Within ASCII: a digit or letter that looks like another. */
const ALIKE_IN_ASCII: readonly (readonly [letters: string, latin: string])[] = [["0I1|", "Olll"]];

const mapOf = (pairs: typeof ALIKE): ReadonlyMap<string, string> =>
  new Map(pairs.flatMap(([from, to]) => [...from].map((letter, i) => [letter, [...to][i]!])));
const SCRIPTS = mapOf(ALIKE);
const ASCII = mapOf(ALIKE_IN_ASCII);

/** Without what cannot be seen: format and control characters, blanks at the ends, kinds of blanks. */
export const visible = (text: string): string =>
  text
    .normalize("NFC")
    .replace(/\s+/gu, " ")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu, "")
    .trim();

/** Blanks and signs between two words; beside numbers they may be part of the number. */
const BETWEEN_WORDS = /(?<=\p{L})[\s_./-]+(?=[\p{L}\p{N}])|(?<=\p{N})[\s_./-]+(?=\p{L})/gu;

/** Quotes and stops around a name. */
const AROUND = /^["'`«»“”‘’]+(?=.)|(?<=[\p{L}\p{N}])["'`«»“”‘’.,;:!?]+$/gu;

/** The same for texts that differ in case, in compatibility forms, or in blanks and signs around words. */
export const caseless = (text: string): string =>
  visible(text.normalize("NFKC"))
    .replace(AROUND, "")
    .replace(BETWEEN_WORDS, " ")
    .toLowerCase()
    .toUpperCase();

const lookedUp = (text: string, map: ReadonlyMap<string, string>): string =>
  Array.from(text, (letter) => map.get(letter) ?? letter).join("");

/** The same for texts that look alike in most typefaces, case by case: `l`, `I` and `1` are one. */
export const skeleton = (text: string): string =>
  lookedUp(lookedUp(visible(text).normalize("NFKD"), SCRIPTS), ASCII);

/** The same for texts that look alike across scripts, in any case. */
export const caselessSkeleton = (text: string): string =>
  caseless(lookedUp(visible(text).normalize("NFKD"), SCRIPTS));
