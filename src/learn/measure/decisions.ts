/**
 * Logits -> the answers of a task beside the true labels: labels as the endpoint answers them, with the
 * manifest's temperature and thresholds. Metrics, intervals and calibration all start here.
 */
import { answerLabels, labelScores, logitsOf, scoresOf } from "../../core/model/decode.ts";
import type { TaskManifest } from "../../core/format/manifest.ts";
import { findEntities } from "../../core/model/spans.ts";
import type { TaskParts } from "../../core/model/task.ts";
import { argmax } from "./answers.ts";
import type { Answer } from "./answers.ts";
import type { Case } from "./calibration.ts";
import type { Example } from "../data/read.ts";
import { entityReader } from "./entities.ts";
import type { TagSpan } from "./entities.ts";

/** The fields of a manifest that turn logits into answers. */
export type Decoder = Pick<
  TaskManifest,
  "type" | "problem_type" | "labels" | "temperature" | "thresholds" | "other"
>;

/** What is measured of one text. */
export interface JudgedText {
  /**
   * One row [C], [C+1] where texts may fit no label, or one for each word of a token task; null for a word
   * without a piece.
   */
  readonly rows: readonly (Float32Array | null)[];
  /** Token: the true entities, and those that the endpoint answers; by their UTF-16 units. */
  readonly entities?: JudgedEntities;
}

export interface JudgedEntities {
  readonly truth: readonly TagSpan[];
  readonly predicted: readonly TagSpan[];
}

export type JudgedLogits = readonly JudgedText[];

export type Decisions =
  | { readonly kind: "class"; readonly truth: string[]; readonly predicted: string[] }
  | {
      readonly kind: "multi-label" | "token";
      readonly labels: readonly string[];
      readonly truth: (readonly string[])[];
      readonly predicted: (readonly string[])[];
      /** Token: the entities of each text; without them they are read from the tags. */
      readonly entities?: readonly JudgedEntities[];
    }
  | { readonly kind: "regression"; readonly truth: number[]; readonly predicted: number[] };

/**
 * What of `answers` is judged. Of a token task the entities are those of the endpoint's default
 * parameters, which may begin or end within a word of the data; a word's tag is that of its first piece.
 */
export function judgedLogits(
  { manifest, head }: Pick<TaskParts, "manifest" | "head">,
  examples: readonly Example[],
  answers: readonly Answer[],
): JudgedLogits {
  if (manifest.type === "sequence") return answers.map(({ logits }) => ({ rows: logits }));
  const entitiesOf = entityReader(manifest.labels);
  const options = { offset_unit: "utf16", isByWord: head.transitions !== null } as const;
  return answers.map((answer, i) => {
    const example = examples[i]!;
    const { pieces } = answer.split;
    const truth = entitiesOf(example.labels).map(([type, first, last]): TagSpan => {
      const { start, end } = piecesWithin(
        pieces,
        example.words[first]!.start,
        example.words[last]!.end,
      );
      return [type, start, end - 1];
    });
    const predicted = findEntities(example.text, pieces, answer.logits, manifest, options).map(
      (entity): TagSpan => [
        "entity_group" in entity ? entity.entity_group : entity.entity,
        entity.start,
        entity.end - 1,
      ],
    );
    return { rows: wordLogits(example, answer), entities: { truth, predicted } };
  });
}

/**
 * Without the entities that the endpoint answers: they are then those of the words, each with the tag of
 * its first piece. A plain head learns that piece alone, and so is a fine-tuned checkpoint counted
 * elsewhere (seqeval on words, as in transformers' own examples).
 */
export const byWords = (logits: JudgedLogits): JudgedLogits => logits.map(({ rows }) => ({ rows }));

/** Where the pieces of a part of the text lie: a tokenizer passes over some characters. */
function piecesWithin(
  { starts, ends }: Answer["split"]["pieces"],
  from: number,
  to: number,
): { start: number; end: number } {
  const first = starts.findIndex((start) => start >= from && start < to);
  const last = ends.findLastIndex((end) => end > from && end <= to);
  return first < 0 || last < first
    ? { start: from, end: to }
    : { start: starts[first]!, end: ends[last]! };
}

function wordLogits({ words }: Example, { split, logits }: Answer): (Float32Array | null)[] {
  const { starts } = split.pieces;
  let piece = 0;
  return words.map(({ start, end }) => {
    while (piece < starts.length && starts[piece]! < start) piece += 1;
    return piece < starts.length && starts[piece]! < end ? logits[piece]! : null;
  });
}

/** Truth and answer of every example. A word without any piece counts as "O". */
export function decide(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Decisions {
  const { labels, type, problem_type } = decoder;
  const truth = examples.map((example) => example.labels);
  if (type === "token") {
    const predicted = logits.map(({ rows }) =>
      rows.map((row) => (row ? labels[argmax(row)]! : "O")),
    );
    const entities = logits.flatMap((text) => text.entities ?? []);
    const isWhole = entities.length === logits.length;
    return { kind: "token", labels, truth, predicted, ...(isWhole && { entities }) };
  }
  switch (problem_type) {
    case "single_label_classification":
      return {
        kind: "class",
        truth: truth.map(([label]) => label ?? ""),
        predicted: logits.map(({ rows: [row] }) => bestLabel(decoder, row!)),
      };
    case "multi_label_classification":
      return {
        kind: "multi-label",
        labels,
        truth,
        predicted: logits.map(({ rows: [row] }) => chosenLabels(decoder, row!)),
      };
    case "regression":
      return {
        kind: "regression",
        truth: truth.map(([label]) => Number(label)),
        predicted: logits.map(({ rows: [row] }) => row![0]!),
      };
    default:
      return problem_type satisfies never;
  }
}

/** The label that the endpoint answers first. */
function bestLabel(decoder: Decoder, row: Float32Array): string {
  if (!decoder.other) return decoder.labels[argmax(logitsOf(row, decoder))]!;
  return answerLabels(decoder)[argmax(labelScores(row, decoder, "softmax"))]!;
}

/** Every label whose score reaches its threshold, 0.5 where the manifest has none. */
function chosenLabels(
  { labels, temperature, thresholds }: Decoder,
  row: Float32Array,
): readonly string[] {
  const scores = scoresOf(row, "sigmoid", temperature);
  return labels.filter((_, c) => scores[c]! >= (thresholds?.[c] ?? 0.5));
}

/** The entities of each text of a token task: as they were judged, else those of its tags. */
export function entitiesOf({
  labels,
  truth,
  predicted,
  entities,
}: Pick<
  Extract<Decisions, { kind: "token" | "multi-label" }>,
  "labels" | "truth" | "predicted" | "entities"
>): readonly JudgedEntities[] {
  if (entities) return entities;
  const read = entityReader(labels);
  return truth.map((tags, row) => ({ truth: read(tags), predicted: read(predicted[row]!) }));
}

/** The cases of calibration: every measured decision whose true label the task has. */
export function casesOf(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Case[] {
  const { type, problem_type, labels } = decoder;
  if (problem_type === "regression") return [];
  if (type === "token" || problem_type === "single_label_classification") {
    return tagCases(decoder, examples, logits);
  }
  return examples.map((example, i) => {
    const names = new Set(example.labels);
    return { logits: logits[i]!.rows[0]!, truth: labels.map((label) => names.has(label)) };
  });
}

/** The same where each text, or each word, has one label. */
export function tagCases(
  decoder: Pick<Decoder, "labels">,
  examples: readonly Example[],
  logits: JudgedLogits,
): { readonly logits: Float32Array; readonly truth: number }[] {
  const idOf = new Map(decoder.labels.map((label, id) => [label, id]));
  return examples.flatMap((example, i) =>
    logits[i]!.rows.flatMap((row, unit) => {
      const truth = idOf.get(example.labels[unit] ?? "");
      return row && truth !== undefined ? [{ logits: logitsOf(row, decoder), truth }] : [];
    }),
  );
}
