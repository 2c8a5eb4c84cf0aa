/**
 * One word a line with its tag, a blank line after each sentence: CoNLL 2003 and its relatives, and
 * the comment lines that CoNLL-U has before a sentence.
 */
import { isBlank, joinWords, lines, withoutBlanks, withoutBlanksBehind } from "./lines.ts";
import type { RawRow } from "./formats.ts";

/** CoNLL 2003 writes such a line before each document. */
const DOCUMENT_START = "-DOCSTART-";

/** Sentences of a text; the tag stands in column `tagColumn`, counted from 1. */
export function* conllRows(text: string, tagColumn: number): Generator<RawRow> {
  const isComment = commentsOf(text, tagColumn);
  let start = 1;
  let words: string[] = [];
  let tags: string[] = [];
  let problem: string | null = null;
  function* flush(): Generator<RawRow> {
    if (problem !== null) yield { line: start, problem };
    else if (words.length > 0) yield { line: start, ...joinWords(words), labels: tags };
    [words, tags, problem] = [[], [], null];
  }
  for (const [line, content] of lines(text)) {
    if (isBlank(content)) {
      yield* flush();
      continue;
    }
    const isFirst = words.length === 0 && problem === null;
    if (content.startsWith(DOCUMENT_START) || isComment(content, isFirst)) continue;
    if (isFirst) start = line;
    const columns = columnsOf(content);
    const word = columns[0]!;
    const tag = columns[tagColumn - 1];
    if (word === "" || !tag) {
      problem ??= `line ${line} has ${columns.length} columns, expected a word and a tag in column ${tagColumn}`;
    } else {
      words.push(word);
      tags.push(tag);
    }
  }
  yield* flush();
}

/** A line with a tab is separated by tabs, so that a word may hold spaces; any other by spaces. */
function columnsOf(line: string): string[] {
  const content = withoutBlanksBehind(line).replace(/^[ \r]+/, "");
  return content.includes("\t") ? content.split("\t").map(withoutBlanks) : content.split(/[ \r]+/);
}

/** `# text = ..`, `#sent_id=..`: the field and value that CoNLL-U writes before a sentence. */
const KEY_AND_VALUE = /^#+[ \t]*[\p{L}_][\p{L}\p{N}_.:]*(?:[ \t]+[\p{L}\p{N}_.:]+){0,2}[ \t]*=/u;
const isField = (line: string): boolean => KEY_AND_VALUE.test(withoutBlanks(line));
const ENTITY_TAG = /^(?:O|[BIESLU][-_].+|[BI])$/;

/**
 * Tells comments from words: fields anywhere, others among the first lines of sentences. A line that begins with `#` is a
 * word when it has the columns of the other lines and a tag of theirs: `# O`, `#tag B-MISC`.
 */
function commentsOf(text: string, tagColumn: number): (line: string, isFirst: boolean) => boolean {
  if (!/^[ \r]*#/m.test(text)) return () => false;
  const tags = new Set<string>();
  const counts = new Map<number, number>();
  let isStart = true;
  for (const [, line] of lines(text)) {
    if (line.startsWith(DOCUMENT_START)) continue;
    const columns = columnsOf(line);
    const tag = columns[tagColumn - 1];
    const isWord = !isBlank(line) && !isField(line);
    if (isWord && !(isStart && columns[0]!.startsWith("#"))) {
      if (tag) tags.add(tag);
      counts.set(columns.length, (counts.get(columns.length) ?? 0) + 1);
    }
    // After a comment the next line is still the first of its sentence.
    isStart = isBlank(line) || (isStart && columns[0]!.startsWith("#"));
  }
  const hasEntities = [...tags].some((tag) => ENTITY_TAG.test(tag));
  return (line, isFirst) => {
    const columns = columnsOf(line);
    if (!columns[0]!.startsWith("#")) return false;
    const tag = columns[tagColumn - 1];
    if (tag && tags.has(tag) && counts.has(columns.length)) return false;
    if (isField(line)) return true;
    if (!isFirst) return false;
    // A hashtag whose line is odd is a damaged row, which must be told, not passed over.
    if (!/^#+(?: |$)/.test(columns[0]!)) return false;
    if (!tag || (counts.size > 0 && !counts.has(columns.length))) return true;
    return hasEntities ? !ENTITY_TAG.test(tag) : /^[a-z_]+$/.test(tag);
  };
}
