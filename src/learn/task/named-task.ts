/**
 * A task from the names of its labels, without a row of data: its head is made of the base's own vectors
 * of them. The verb `label` writes one, and benchmarks measure what that verb would write.
 */
import { InputError } from "../../core/errors.ts";
import { maxLengthOf } from "../../core/format/configuration.ts";
import type { Sha256 } from "../../core/format/manifest.ts";
import type { EmbeddingPooling } from "../../core/model/embedding.ts";
import { emptyPrefix } from "../../core/model/prefix.ts";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import { splitWindows } from "../../core/model/windows.ts";
import { ANYTHING, sentenceOf } from "../../core/model/zero-shot.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { headOfLabels } from "../head/named-labels.ts";
import { EVALUATION_BATCH } from "../measure/evaluate.ts";
import { pooledStates } from "../measure/pooled-states.ts";
import { UNMEASURED, packTask } from "./packed-task.ts";
import type { PackedTask } from "./packed-task.ts";

export interface NamedLabels {
  readonly name: string;
  readonly labels: readonly string[];
  /** More sentences of a label, beside its bare name and the sentence that names it. */
  readonly described?: ReadonlyMap<string, readonly string[]>;
  /** Whether any number of labels may be true of a text; otherwise one is. */
  readonly isMultiLabel: boolean;
  readonly created: Date;
}

const MAX_LENGTH = 256;
const MAX_DESCRIBED = 8;
const MAX_DESCRIPTION = 500;

/** How a task of names pools the states of a text: as the base's own vectors do. */
export const namedPooling = ({ manifest }: Pick<LoadedBase, "manifest">): EmbeddingPooling =>
  manifest.pooling ?? "mean";

/**
 * Makes the task; `base` reads the names. Each label is the mean direction of its bare name and a sentence
 * that names it: neither alone is best on every data set (docs/few-rows.md). Throws InputError
 * `labels-alike` where the base reads all that is said of two labels as the same tokens.
 */
export async function packNamedTask(
  base: LoadedBase,
  { name, labels, described, isMultiLabel, created }: NamedLabels,
  sha256: Sha256,
): Promise<PackedTask> {
  const { manifest } = base;
  const pooling = namedPooling(base);
  const named = (label: string): string[] => [label, sentenceOf(label)];
  const sentences = labels.map((label) => [...named(label), ...(described?.get(label) ?? [])]);
  const neutral = isMultiLabel ? named(ANYTHING) : [];
  const vectors = await vectorsOf(base, [...sentences.flat(), ...neutral], pooling);
  const ofLabels = sentences.map((own) => vectors.splice(0, own.length));
  const { weight, bias } = headOfLabels(ofLabels, isMultiLabel ? vectors : null);
  const { hidden_size: hidden } = manifest.configuration;
  checkApart(labels, (i) => weight.subarray(i * hidden, (i + 1) * hidden), manifest.name);
  const list = `${labels.slice(0, MAX_DESCRIBED).join(", ")}${labels.length > MAX_DESCRIBED ? ", .." : ""}`;
  return packTask(
    {
      task: name,
      description:
        `Answers with ${list}, known by their ${described?.size ? "names and descriptions" : "names"} alone.`.slice(
          0,
          MAX_DESCRIPTION,
        ),
      type: "sequence",
      problem_type: isMultiLabel ? "multi_label_classification" : "single_label_classification",
      labels,
      num_virtual_tokens: 0,
      position_offset: 0,
      pooling,
      max_length: Math.min(MAX_LENGTH, maxLengthOf(manifest.configuration)),
      ...UNMEASURED,
      created: created.toISOString(),
    },
    manifest,
    new Map([
      [CLASSIFIER_WEIGHT, float32([labels.length, hidden], weight)],
      [CLASSIFIER_BIAS, float32([labels.length], bias)],
    ]),
    "float16",
    sha256,
  );
}

/** Of two labels of one direction only the first would ever be the best. */
function checkApart(
  labels: readonly string[],
  directionOf: (label: number) => Float32Array,
  base: string,
): void {
  const seen = new Map<string, string>();
  for (const [i, label] of labels.entries()) {
    const direction = directionOf(i).join();
    const other = seen.get(direction);
    if (other !== undefined) {
      throw new InputError(
        "labels-alike",
        `labels ${JSON.stringify(other)} and ${JSON.stringify(label)}: the base ${base} reads them alike, so it cannot tell them apart; name one of them otherwise, or say by --descriptions what each means`,
      );
    }
    seen.set(direction, label);
  }
}

/** Sentences as the head will read texts. */
async function vectorsOf(
  base: LoadedBase,
  sentences: readonly string[],
  pooling: EmbeddingPooling,
): Promise<Float32Array[]> {
  const { configuration } = base.manifest;
  const rows = sentences.map((sentence) => {
    const { windows } = splitWindows(base.tokenizer, sentence, undefined, {
      maxLength: maxLengthOf(configuration),
      stride: 0,
      truncation: true,
    });
    return windows[0]!.encoding;
  });
  const options = { pooling, batchSize: EVALUATION_BATCH };
  const { data, hidden } = await pooledStates(base, emptyPrefix(configuration), rows, options);
  return rows.map((_, i) => data.subarray(i * hidden, (i + 1) * hidden));
}
