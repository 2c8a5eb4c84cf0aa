/**
 * Reads a parsed Hugging Face tokenizer.json into the parts that a tokenizer is made of.
 *
 * The file is untrusted: every field is checked, nothing is looked up by name on a plain object, and
 * sizes are limited. What each component type means stands in one table per component, so a new type
 * is a new row. `truncation` and `padding` are ignored: how long an input may be is not the file's
 * business.
 */
import { FormatError } from "../errors.ts";
import { describe, readRecord, type RecordReader } from "../record.ts";
import { addedTokenSplitter, type AddedToken, type Splitter } from "./added-tokens.ts";
import { bertNormalizer, identityNormalizer, type Normalizer } from "./normalizer.ts";
import { bertPreTokenizer, type PreTokenizer } from "./pre-tokenizer.ts";
import { BARE_TEMPLATE, bertTemplate, type Step, type Template } from "./template.ts";
import { TextBuffer } from "./text-buffer.ts";
import { wordPiece, type Model } from "./wordpiece.ts";

/** Four times the largest public vocabularies; bounds the memory of the trie. */
const MAX_VOCABULARY = 1_000_000;
/** UTF-16 units of a vocabulary word or added token; bounds the work per character of text. */
const MAX_WORD_UNITS = 512;
/** Ids are kept in an Int32Array, and vocabSize is the highest plus 1. */
const MAX_ID = 2 ** 31 - 2;
/** More than any file has; bounds the work per text. */
const MAX_ADDED_TOKENS = 100_000;
/** Steps of a template and ids of a special token; real files have at most five. */
const MAX_TEMPLATE = 64;

const SUBJECT = "tokenizer.json";
const INVALID = "tokenizer-invalid";

/** Everything that a tokenizer is made of. */
export interface Parts {
  readonly vocabSize: number;
  readonly padId: number;
  /** Cuts the raw text at added tokens. */
  readonly rawSplitter: Splitter | undefined;
  readonly normalizer: Normalizer;
  /** Cuts normalized text at added tokens. */
  readonly normalizedSplitter: Splitter | undefined;
  readonly preTokenizer: PreTokenizer;
  readonly model: Model;
  readonly template: Template;
}

const models = new Map<string, (fields: RecordReader, vocabulary: Vocabulary) => Model>([
  ["WordPiece", readWordPiece],
]);
const normalizers = new Map<string, (fields: RecordReader) => Normalizer>([
  ["BertNormalizer", readBertNormalizer],
]);
const preTokenizers = new Map<string, (fields: RecordReader) => PreTokenizer>([
  ["BertPreTokenizer", bertPreTokenizer],
]);
const postProcessors = new Map<string, (fields: RecordReader) => Template>([
  ["TemplateProcessing", readTemplateProcessing],
  ["BertProcessing", readBertProcessing],
]);

type Vocabulary = ReadonlyMap<string, number>;

/** Throws FormatError `tokenizer-unsupported` or `tokenizer-invalid`, nothing else. */
export function readTokenizerJson(json: unknown): Parts {
  const file = readRecord(json, SUBJECT, INVALID);
  const modelFields = file.record("model");
  const types = {
    model: modelFields.has("type") ? modelFields.string("type") : untypedModel(modelFields),
    normalizer: typeOf(file, "normalizer"),
    preTokenizer: typeOf(file, "pre_tokenizer"),
    postProcessor: typeOf(file, "post_processor"),
  };
  const readModel = models.get(types.model);
  const readNormalizer = find(normalizers, types.normalizer);
  const readPreTokenizer = find(preTokenizers, types.preTokenizer);
  const readTemplate = find(postProcessors, types.postProcessor);
  if (
    !readModel ||
    !readPreTokenizer ||
    (types.normalizer !== undefined && !readNormalizer) ||
    (types.postProcessor !== undefined && !readTemplate)
  ) {
    throw unsupported(types);
  }

  const vocabulary = readVocabulary(modelFields);
  const model = readModel(modelFields, vocabulary);
  const normalizer = readNormalizer?.(file.record("normalizer")) ?? identityNormalizer;
  const added = readAddedTokens(file, vocabulary);
  const template = readTemplate?.(file.record("post_processor")) ?? BARE_TEMPLATE;
  const vocabSize = 1 + highestId(vocabulary, added);
  checkTemplateIds(template, vocabSize);
  const raw = added.filter((token) => !token.isNormalized);
  const normalized = added.filter((token) => token.isNormalized);
  return {
    vocabSize,
    padId: readPadId(file, vocabulary, added, vocabSize),
    rawSplitter: addedTokenSplitter(raw, contentsOf(raw)),
    normalizer,
    normalizedSplitter: addedTokenSplitter(normalized, normalizedContents(normalized, normalizer)),
    preTokenizer: readPreTokenizer(file.record("pre_tokenizer")),
    model,
    template,
  };
}

/** The type of a component, or undefined when the file has null there. */
function typeOf(file: RecordReader, field: string): string | undefined {
  return file.has(field) ? file.record(field).string("type") : undefined;
}

/** Files of before 2021 name no model type; what they all have tells WordPiece. */
function untypedModel(fields: RecordReader): string {
  if (fields.has("max_input_chars_per_word")) return "WordPiece";
  return fields.fail(`"type" is missing, expected one of ${names(models)}`);
}

function find<T>(table: ReadonlyMap<string, T>, type: string | undefined): T | undefined {
  return type === undefined ? undefined : table.get(type);
}

type Component = "model" | "normalizer" | "preTokenizer" | "postProcessor";

function unsupported(types: Record<Component, string | undefined>): FormatError {
  const found = (component: Component): string =>
    types[component] === undefined ? "none" : describe(types[component]);
  return new FormatError(
    "tokenizer-unsupported",
    `${SUBJECT}: has model ${found("model")}, normalizer ${found("normalizer")}, pre-tokenizer ` +
      `${found("preTokenizer")}, post-processor ${found("postProcessor")}; supported are model ` +
      `${names(models)}, normalizer ${names(normalizers)} or none, pre-tokenizer ` +
      `${names(preTokenizers)}, post-processor ${names(postProcessors)} or none`,
  );
}

function names(table: ReadonlyMap<string, unknown>): string {
  return [...table.keys()].map((name) => JSON.stringify(name)).join(", ");
}

function readVocabulary(model: RecordReader): Vocabulary {
  const vocab = model.raw("vocab");
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) {
    return model.fail(`"vocab" is ${describe(vocab)}, expected an object of words to ids`);
  }
  const vocabulary = new Map<string, number>();
  // Keys, and a subject that is only put together for an error: this loop is part of every cold start.
  const ids = vocab as Readonly<Record<string, unknown>>;
  for (const word of Object.keys(ids)) {
    const id = ids[word];
    checkText(model, "vocab", word);
    vocabulary.set(word, isId(id) ? id : failId(model, `vocab ${describe(word)}`, id));
    if (vocabulary.size > MAX_VOCABULARY) {
      return model.fail(`"vocab" has more than ${MAX_VOCABULARY} words`);
    }
  }
  return vocabulary;
}

function readWordPiece(fields: RecordReader, vocabulary: Vocabulary): Model {
  const unknown = fields.string("unk_token");
  const unknownId = vocabulary.get(unknown);
  if (unknownId === undefined) {
    return fields.fail(`"unk_token" ${describe(unknown)} is not in the vocabulary`);
  }
  return wordPiece({
    vocabulary,
    unknownId,
    continuingPrefix: readText(fields, "continuing_subword_prefix"),
    maxWordLength: fields.count("max_input_chars_per_word", 0, Number.MAX_SAFE_INTEGER),
  });
}

function readBertNormalizer(fields: RecordReader): Normalizer {
  const lowercase = readFlag(fields, "lowercase");
  return bertNormalizer({
    cleanText: readFlag(fields, "clean_text"),
    handleChineseChars: readFlag(fields, "handle_chinese_chars"),
    // null means: as the original BERT did, together with lowercasing.
    stripAccents: fields.has("strip_accents") ? readFlag(fields, "strip_accents") : lowercase,
    lowercase,
  });
}

interface AddedTokenOfFile extends AddedToken {
  readonly isNormalized: boolean;
  readonly isSpecial: boolean;
}

/**
 * Added tokens in the order in which they are tried: special ones first. As in Python, the vocabulary
 * decides a token's id, then the next free one, never the file; and of several tokens with the same
 * content the flags of the last count for all.
 */
function readAddedTokens(file: RecordReader, vocabulary: Vocabulary): AddedTokenOfFile[] {
  if (!file.has("added_tokens")) return [];
  const ids = new Map<string, number>();
  const last = new Map<string, AddedTokenOfFile>();
  let highest = -1;
  const found = file.list("added_tokens", MAX_ADDED_TOKENS, (value, name) => {
    const fields = readRecord(value, name, INVALID);
    const content = readText(fields, "content");
    checkId(fields, "id", fields.raw("id"));
    let id = vocabulary.get(content) ?? ids.get(content);
    if (id === undefined) {
      id = Math.max(vocabulary.size, highest + 1);
      checkId(fields, "id", id);
    }
    const token: AddedTokenOfFile = {
      id,
      content,
      isSingleWord: readFlag(fields, "single_word"),
      stripsLeft: readFlag(fields, "lstrip"),
      stripsRight: readFlag(fields, "rstrip"),
      isNormalized: readFlag(fields, "normalized"),
      isSpecial: readFlag(fields, "special"),
    };
    if (content !== "") {
      highest = Math.max(highest, id);
      ids.set(content, id);
      last.set(content, token);
    }
    return token;
  });
  return found
    .filter((token) => token.content !== "") // Python ignores them
    .map((token) => ({
      ...(last.get(token.content) ?? token),
      isNormalized: token.isNormalized,
      isSpecial: token.isSpecial,
    }))
    .sort((a, b) => Number(b.isSpecial) - Number(a.isSpecial));
}

function contentsOf(tokens: readonly AddedToken[]): string[] {
  return tokens.map((token) => token.content);
}

function normalizedContents(tokens: readonly AddedToken[], normalizer: Normalizer): string[] {
  const buffer = new TextBuffer();
  return tokens.map(({ content }) => {
    buffer.reset();
    normalizer(content, 0, content.length, buffer);
    if (buffer.length === 0) {
      throw new FormatError(
        INVALID,
        `${SUBJECT}: added token ${describe(content)} is "normalized", and nothing is left of it; ` +
          `an empty token would match everywhere`,
      );
    }
    return buffer.toString();
  });
}

function readTemplateProcessing(fields: RecordReader): Template {
  const special = fields.record("special_tokens");
  const idsOf = new Map<string, readonly number[]>();
  for (const name of special.fields()) {
    const token = special.record(name);
    idsOf.set(
      name,
      token.list("ids", MAX_TEMPLATE, (id) => checkId(token, "ids", id)),
    );
  }
  const readStep = (value: unknown, name: string): Step => {
    const step = readRecord(value, name, INVALID);
    if (step.has("SpecialToken")) {
      const token = step.record("SpecialToken");
      const ids = idsOf.get(token.string("id"));
      if (!ids) return token.fail(`"id" ${describe(token.raw("id"))} is not in "special_tokens"`);
      return { ids, typeId: token.count("type_id", 0, MAX_ID) };
    }
    const sequence = step.record("Sequence");
    const letter = sequence.oneOf("id", ["A", "B"]);
    return { sequence: letter === "A" ? 0 : 1, typeId: sequence.count("type_id", 0, MAX_ID) };
  };
  const readSteps = (field: "single" | "pair", expected: string): Step[] => {
    const steps = fields.list(field, MAX_TEMPLATE, readStep);
    const sequences = steps.map((step) => ("ids" in step ? "" : step.sequence === 0 ? "A" : "B"));
    // A text that is dropped or repeated would make offsets meaningless.
    if ([...sequences].sort().join("") !== expected) {
      return fields.fail(
        `"${field}" uses sequences "${sequences.join("")}", expected each of "${expected}" once`,
      );
    }
    return steps;
  };
  return { single: readSteps("single", "A"), pair: readSteps("pair", "AB") };
}

function readBertProcessing(fields: RecordReader): Template {
  const readSpecial = (field: "cls" | "sep"): number => {
    const pair = fields.list(field, 2, (value) => value);
    if (pair.length !== 2 || typeof pair[0] !== "string") {
      return fields.fail(`"${field}" is ${describe(pair)}, expected [token, id]`);
    }
    return checkId(fields, field, pair[1]);
  };
  return bertTemplate(readSpecial("cls"), readSpecial("sep"));
}

function checkTemplateIds(template: Template, vocabSize: number): void {
  for (const step of [...template.single, ...template.pair]) {
    const wrong = "ids" in step ? step.ids.find((id) => id >= vocabSize) : undefined;
    if (wrong !== undefined) {
      throw new FormatError(
        INVALID,
        `${SUBJECT}: post-processor adds id ${wrong}, the highest id is ${vocabSize - 1}`,
      );
    }
  }
}

/** Padding is masked out, so any id does; the file's own choice where it names one. */
function readPadId(
  file: RecordReader,
  vocabulary: Vocabulary,
  added: readonly AddedToken[],
  vocabSize: number,
): number {
  const padding = file.raw("padding");
  if (typeof padding === "object" && padding !== null && "pad_id" in padding) {
    const id = padding.pad_id;
    if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabSize) {
      return id as number;
    }
  }
  return vocabulary.get("[PAD]") ?? added.find((token) => token.content === "[PAD]")?.id ?? 0;
}

function highestId(vocabulary: Vocabulary, added: readonly AddedToken[]): number {
  let highest = -1;
  for (const id of vocabulary.values()) highest = Math.max(highest, id);
  for (const { id } of added) highest = Math.max(highest, id);
  return highest;
}

function readFlag(fields: RecordReader, field: string): boolean {
  const found = fields.raw(field);
  if (typeof found === "boolean") return found;
  return fields.fail(`"${field}" is ${describe(found)}, expected true or false`);
}

function readText(fields: RecordReader, field: string): string {
  return checkText(fields, field, fields.string(field));
}

/** A vocabulary word or token: of limited length, and possible as UTF-8. */
function checkText(fields: RecordReader, field: string, text: string): string {
  if (text.length > MAX_WORD_UNITS) {
    return fields.fail(`"${field}" has a text of ${text.length} units, limit ${MAX_WORD_UNITS}`);
  }
  if (LONE_SURROGATE.test(text)) {
    return fields.fail(`"${field}" has a text with a lone surrogate: ${describe(text)}`);
  }
  return text;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

const isId = (id: unknown): id is number =>
  Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) <= MAX_ID;

function checkId(fields: RecordReader, field: string, id: unknown): number {
  return isId(id) ? id : failId(fields, field, id);
}

function failId(fields: RecordReader, field: string, id: unknown): never {
  return fields.fail(`${field}: id is ${describe(id)}, expected an integer from 0 to ${MAX_ID}`);
}
