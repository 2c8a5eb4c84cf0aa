/**
 * Sentences of Wikipedia for `entities`, tagged by rules (encyclopedia/). Its other data are tweets and
 * news, in which an encyclopaedia's organisations and persons of the past are rare.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../node/files.ts";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { annotatedNames } from "./encyclopedia/annotated.ts";
import { balanced, taggedSentences } from "./encyclopedia/sentences.ts";
import { conllOf } from "./corpus/conll.ts";
import { WIKIPEDIA, readLines } from "./corpus/texts.ts";

/** Tagged by people, with persons, places and organisations among its types. */
const ANNOTATED = "conll2003/train.txt";

/** Writes `data/encyclopedia.conll` of the folder of `entities`, where it is missing. */
export async function makeEncyclopedia(dir: string, dataDir: string): Promise<void> {
  const out = join(dir, "data", "encyclopedia.conll");
  if (existsSync(out)) return;
  const { examples } = await readDataFile(findFile(ANNOTATED, [dataDir]), { format: "conll" });
  const paragraphs = await readLines(WIKIPEDIA, dataDir);
  const sentences = balanced(taggedSentences(paragraphs, annotatedNames(examples)));
  const words = sentences.map(({ tokens, tags }) =>
    tokens.map((token, i) => [token, tags[i]!] as const),
  );
  await writeWhole(out, conllOf(words));
}
