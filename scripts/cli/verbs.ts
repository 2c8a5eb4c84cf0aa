/** The command table: every verb in the order of work; a verb is loaded only when it is used. */
import type { Command } from "./command.ts";

type Load = () => Promise<{ readonly command: Command }>;

export const VERBS: Readonly<Record<string, Load>> = {
  import: () => import("../commands/import.ts"),
  shrink: () => import("../commands/shrink.ts"),
  distill: () => import("../commands/distill.ts"),
  tokenize: () => import("../commands/tokenize.ts"),
  embed: () => import("../commands/embed.ts"),
  pretrain: () => import("../commands/pretrain.ts"),
  train: () => import("../commands/train.ts"),
  sweep: () => import("../commands/sweep.ts"),
  compare: () => import("../commands/compare.ts"),
  eval: () => import("../commands/eval.ts"),
  predict: () => import("../commands/predict.ts"),
  "import-peft": () => import("../commands/import-peft.ts"),
  push: () => import("../commands/push.ts"),
  list: () => import("../commands/list.ts"),
  rollback: () => import("../commands/rollback.ts"),
  canary: () => import("../commands/canary.ts"),
  verify: () => import("../commands/verify.ts"),
  key: () => import("../commands/key.ts"),
  bench: () => import("../commands/bench.ts"),
};
