/** The data sets of the ladder, as files below one folder, read without repeated texts. */
import { join } from "node:path";
import { readDataFile } from "../../scripts/runs/task/data-files.ts";
import type { TaskType } from "../../src/core/model/task.ts";
import type { DataOptions, Example } from "../../src/learn/data/read.ts";
import { keyOfText, withoutTextsOf } from "../../src/learn/data/split.ts";

export const SET_IDS = [
  "banking77",
  "agnews",
  "sst2",
  "snips",
  "rte",
  "snips-slots",
  "wnut17",
] as const;
export type SetId = (typeof SET_IDS)[number];

export interface LadderSet {
  readonly title: string;
  readonly type: TaskType;
  /** Paths below the data folder. */
  readonly train: string;
  readonly test: string;
  readonly options?: DataOptions;
  /** Rows are pairs of texts, which a pretrained start helps most. */
  readonly isPair?: true;
  /** A label as a user would name it, where names alone can tell what a text is. */
  readonly nameOf?: (label: string) => string;
}

/** Names with underscores as words: those of banking77. */
export const spaced = (label: string): string => label.replaceAll("_", " ").toLowerCase();

const AG_NEWS: Readonly<Record<string, string>> = {
  World: "world politics",
  Sports: "sports",
  Business: "business",
  "Sci/Tech": "science and technology",
};
const SENTIMENTS: Readonly<Record<string, string>> = { "0": "negative", "1": "positive" };

const SNIPS = { train: "snips/train/seq.in", test: "snips/test/seq.in" } as const;

export const SETS: Readonly<Record<SetId, LadderSet>> = {
  banking77: {
    title: "banking77",
    type: "sequence",
    train: "banking77/train.csv",
    test: "banking77/test.csv",
    nameOf: spaced,
  },
  agnews: {
    title: "AG News",
    type: "sequence",
    train: "agnews/alps_dev.tsv",
    test: "agnews/alps_test.tsv",
    options: { columns: ["text", "label"] },
    nameOf: (label) => AG_NEWS[label] ?? label,
  },
  sst2: {
    title: "SST-2",
    type: "sequence",
    train: "sst2/train.tsv",
    test: "sst2/test.tsv",
    nameOf: (label) => SENTIMENTS[label] ?? label,
  },
  snips: {
    title: "SNIPS intents",
    type: "sequence",
    ...SNIPS,
    // "PlayMusic" is "play music".
    nameOf: (label) => label.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase(),
  },
  rte: {
    title: "RTE",
    type: "sequence",
    train: "rte/glue_train.tsv",
    test: "rte/glue_dev.tsv",
    options: { textColumn: "sentence1", pairColumn: "sentence2" },
    isPair: true,
  },
  "snips-slots": { title: "SNIPS slots", type: "token", ...SNIPS },
  wnut17: {
    title: "WNUT-17",
    type: "token",
    train: "wnut17/train.conll",
    test: "wnut17/test.conll",
  },
};

/** Rows to draw from. */
export interface SetRows {
  /** Each text once, and none of the test rows' texts. */
  readonly train: readonly Example[];
  readonly test: readonly Example[];
}

/** Reads a set from the data folder. Throws what `readDataFile` throws. */
export async function readSet(id: SetId, data: string): Promise<SetRows> {
  const { type, train, test, options } = SETS[id];
  const read = async (path: string): Promise<Example[]> => {
    const { examples } = await readDataFile(join(data, path), { ...options, type });
    return eachTextOnce(examples);
  };
  const rows = await read(test);
  return { train: withoutTextsOf(await read(train), rows), test: rows };
}

/** The first row of each text. */
function eachTextOnce(examples: readonly Example[]): Example[] {
  const seen = new Map<string, Example>();
  for (const example of examples) {
    const key = keyOfText(example);
    if (!seen.has(key)) seen.set(key, example);
  }
  return [...seen.values()];
}
