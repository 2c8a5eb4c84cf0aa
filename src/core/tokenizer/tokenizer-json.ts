/**
 * Makes of a Hugging Face tokenizer.json the parts that a tokenizer is made of.
 *
 * The file is untrusted: every field is checked, nothing is looked up by name on a plain object, and
 * sizes are limited. What each component type means stands in one table per component, so a new type
 * is a new row. `truncation` and `padding` are ignored: how long an input may be is not the file's
 * business.
 */
import { FormatError } from "../errors.ts";
import { describe, readRecord, type RecordReader } from "../record.ts";
import { readAddedTokens, splittersOf } from "./added-tokens/read.ts";
import type { AddedToken, Splitter } from "./added-tokens/splitter.ts";
import { INVALID, SUBJECT } from "./json/fields.ts";
import type { MergeList } from "./models/merge-list.ts";
import type { Model } from "./models/model.ts";
import { readBytePairs } from "./models/byte-pairs.ts";
import { readUnigram } from "./models/unigram.ts";
import type { Vocabulary } from "./models/vocabulary.ts";
import { readWordPiece } from "./models/word-piece.ts";
import { identityNormalizer, type Normalizer } from "./normalizers/normalizer.ts";
import { NORMALIZERS, readNormalizer } from "./normalizers/normalizers.ts";
import { POST_PROCESSORS, readPostProcessor } from "./post-processors/post-processors.ts";
import {
  BARE_TEMPLATE,
  checkTemplateIds,
  type PostProcessor,
  type Template,
} from "./post-processors/template.ts";
import type { TokenizerFile } from "./tokenizer-file.ts";
import type { PreTokenizer } from "./pre-tokenizers/pre-tokenizer.ts";
import { PRE_TOKENIZERS, readPreTokenizer } from "./pre-tokenizers/pre-tokenizers.ts";

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
  readonly trimming: PostProcessor["trimming"];
}

type ReadModel = (fields: RecordReader, vocabulary: Vocabulary, merges: MergeList | null) => Model;

const models = new Map<string, ReadModel>([
  ["WordPiece", readWordPiece],
  ["BPE", readBytePairs],
  ["Unigram", readUnigram],
]);
/** Throws FormatError `tokenizer-unsupported` or `tokenizer-invalid`, nothing else. */
export function readTokenizerJson({ rest, vocabulary, merges }: TokenizerFile): Parts {
  const file = readRecord(rest, SUBJECT, INVALID);
  const modelFields = file.record("model");
  const types = {
    model: modelFields.has("type") ? modelFields.string("type") : untypedModel(modelFields),
    normalizer: typeOf(file, "normalizer"),
    preTokenizer: typeOf(file, "pre_tokenizer"),
    postProcessor: typeOf(file, "post_processor"),
  };
  const readModel = models.get(types.model);
  const preTokenizer =
    types.preTokenizer === undefined ? null : readPreTokenizer(file.record("pre_tokenizer"));
  const normalizer =
    types.normalizer === undefined ? identityNormalizer : readNormalizer(file.record("normalizer"));
  const post =
    types.postProcessor === undefined ? BARE : readPostProcessor(file.record("post_processor"));
  if (!readModel || !preTokenizer || !normalizer || !post) throw unsupported(types);
  // Bytes are what BPE merges here, and what no other model reads.
  if (preTokenizer.isByteLevel !== (types.model === "BPE")) throw unsupported(types);
  const { template } = post;
  if (!vocabulary) {
    const found = describe(modelFields.raw("vocab"));
    return modelFields.fail(`"vocab" is ${found}, expected an object of words to ids`);
  }
  const model = readModel(modelFields, vocabulary, merges);
  const added = readAddedTokens(file, vocabulary);
  const vocabSize = 1 + highestId(vocabulary, added);
  checkTemplateIds(template, vocabSize);
  const splitters = splittersOf(added, normalizer);
  return {
    vocabSize,
    padId: readPadId(file, vocabulary, added, vocabSize),
    rawSplitter: splitters.raw,
    normalizer,
    normalizedSplitter: splitters.normalized,
    preTokenizer,
    model,
    template,
    trimming: post.trimming,
  };
}

const BARE = { template: BARE_TEMPLATE, trimming: null };

/** The type of a component, or undefined when the file has null there. */
function typeOf(file: RecordReader, field: string): string | undefined {
  return file.has(field) ? file.record(field).string("type") : undefined;
}

/** Files of before 2021 name no model type; what they all have tells WordPiece. */
function untypedModel(fields: RecordReader): string {
  if (fields.has("max_input_chars_per_word")) return "WordPiece";
  return fields.fail(`"type" is missing, expected one of ${names(models)}`);
}

type Component = "model" | "normalizer" | "preTokenizer" | "postProcessor";

function unsupported(types: Record<Component, string | undefined>): FormatError {
  const found = (component: Component): string =>
    types[component] === undefined ? "none" : describe(types[component]);
  return new FormatError(
    "tokenizer-unsupported",
    `${SUBJECT}: has model ${found("model")}, normalizer ${found("normalizer")}, pre-tokenizer ` +
      `${found("preTokenizer")}, post-processor ${found("postProcessor")}; supported are model ` +
      `${names(models)}, normalizer ${names(NORMALIZERS)} or none, pre-tokenizer ` +
      `${names(PRE_TOKENIZERS)}, post-processor ${names(POST_PROCESSORS)} or none; BPE goes with ByteLevel`,
  );
}

function names(table: { keys(): Iterable<unknown> } | readonly string[]): string {
  const list = Array.isArray(table) ? table : [...table.keys()];
  return list.map((name) => JSON.stringify(name)).join(", ");
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
  return (
    vocabulary.get("[PAD]") ??
    vocabulary.get("<pad>") ??
    added.find((token) => token.content === "[PAD]")?.id ??
    0
  );
}

function highestId(vocabulary: Vocabulary, added: readonly AddedToken[]): number {
  let highest = vocabulary.highestId;
  for (const { id } of added) highest = Math.max(highest, id);
  return highest;
}
