/** The batches of a run in the page and in Node: what is trained on, and what each batch must hold. */
import type { Sha256 } from "../../src/core/format/manifest.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { NO_CHOICES } from "../../src/browser/train/calls.ts";
import type { TrainingRequest } from "../../src/browser/train/calls.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { featuresOf } from "../../src/learn/data/features.ts";
import { batchPlanOf } from "../../src/learn/loop/batch-plan.ts";
import { keyOf } from "../../src/learn/random.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";

/** Rows of different lengths, with two labels; a row without a label is left out. */
const ROWS = Array.from({ length: 300 }, (_, i) => {
  const words = ["the film", "and its music", "which I saw twice,", "in all of its parts"];
  const text = words.slice(0, 1 + (i % words.length)).join(" ");
  return `"${text} ${i} was ${i % 3 === 0 ? "dull" : "great"}",${i % 3 === 0 ? "bad" : "good"}`;
});

/** As a person asks for it in the page. */
export const BATCH_REQUEST: TrainingRequest = {
  name: "mood",
  file: {
    name: "mood.csv",
    bytes: encodeUtf8(["text,label", ...ROWS, "a row without a label", ""].join("\n")),
  },
  evaluation: null,
  choices: { ...NO_CHOICES, method: "prefix", epochs: 3, seed: 5 },
};

/**
 * The beginnings of the SHA-256 of the token ids of each batch, in their order, 3 epochs. They were
 * recorded in Node; a change of the sampler, of the split or of the tokenizer records them anew.
 */
export const BATCHES: readonly string[] = `
b613dc0e a9309dfd a8dbf7cc d57d99c2 cdb3d104 2774975a 6cd2a657 c91e757d d7d58a5e bf939a6a
f8d64dd2 405f6947 ecc5ff2e a3d9e0a6 c618c157 2911e573 1fde109a 0375fbee 86bec8df 8736e5cd
177bd32d 8dc7af1e 0a8811c3 000d2e32 096dc4fc b375b86c 9fac89a5 6856244e 62e64441 c05ce63d
d470c030 e0771dce 083bc409 f156aa24 cdc00ff8 b1c0ab47 5c9d8810 4c2fdd49 3a29276d ff5bc6bd
4c85e488 2bef14cc d622cfec 51b8b11f df6fb730 582fb6e4 a04d9ad0 3f395e40 05990df7 5ea0d825
eb4fa067 7d3516be 9dcac390 b71ac7c5 3a3474e6 da962076 1bab4398 6935e133 ed11d38a 11f7002d
e06c33d2 d5f3f6ec a77505c4 eec4396e 44bba229 fd6367f7 3a47f402 7d57153b 83f15f12 38c18513
6e4ba0ef 8de26a19 df5e8916 533d19dd 4b15cf9b 1fc4c0b2 4daee9a3 58f9045d fd8362f9 0d730342
fe0d75bc 13edc587 96059916 ec9e6c64 eb84f4d0 fea9fb82 cd5787d5 a5e788a1 4e7f8b88 1d7696d4
ab675fa7 9b35f049 b08efd30 0800d946 c619b970 6d13db5d 543fb489 03bbadf7 e386c551 598cd991
0393dfc3 8bba7673
`
  .trim()
  .split(/\s+/);

/** The same of a prepared task. */
export async function batchesOf(
  prepared: PreparedTask,
  tokenizer: Tokenizer,
  sha256: Sha256,
): Promise<string[]> {
  const { train, hyperparameters, objective, seed } = prepared;
  const features = featuresOf(train, tokenizer, prepared);
  const rows = {
    lengths: features.map(({ ids }) => ids.length),
    labels: features.map(({ labels }) => labels[0]!),
  };
  const plan = batchPlanOf(objective, hyperparameters, rows, keyOf(seed));
  const batches = Array.from({ length: hyperparameters.epochs }, (_, i) => plan.of(i)).flat();
  return Promise.all(
    batches.map(async (batch) => {
      const ids = batch.map((row) => [...features[row]!.ids]);
      return (await sha256(encodeUtf8(JSON.stringify(ids)))).slice(0, 8);
    }),
  );
}
