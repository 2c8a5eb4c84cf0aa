/**
 * The command table: every verb in the order of work. The summary stands here as well as in the
 * verb's own file (a test compares them), so that the general help loads no verb.
 */
import type { Verbs } from "../cli/command.ts";

export const VERBS: Verbs = {
  new: {
    summary: "make a Worker project with the bundled base and one example task",
    load: () => import("./new.ts"),
  },
  import: {
    summary: "turn a Hugging Face checkpoint into a base",
    load: () => import("./import.ts"),
  },
  shrink: {
    summary: "make a smaller base: keep some layers and the most used words",
    load: () => import("./shrink.ts"),
  },
  distill: {
    summary: "train a small base to have the hidden states of a larger one",
    load: () => import("./distill.ts"),
  },
  tokenize: {
    summary: "turn lines of text into token ids with offsets",
    load: () => import("./tokenize.ts"),
  },
  embed: {
    summary: "write the hidden states or pooled vectors of texts",
    load: () => import("./embed.ts"),
  },
  pretrain: {
    summary: "train one prefix on one task or several, for others to start from",
    load: () => import("./pretrain.ts"),
  },
  label: {
    summary: "make a task from the names of its labels, without any row",
    load: () => import("./label.ts"),
  },
  train: {
    summary: "train a task from labelled data",
    load: () => import("./train.ts"),
  },
  sweep: {
    summary:
      "find the prompt length and learning rate that suit a task, at a fifth of the grid's cost",
    load: () => import("./sweep.ts"),
  },
  compare: {
    summary: "train a task with several methods and seeds, and compare what comes out",
    load: () => import("./compare.ts"),
  },
  eval: {
    summary: "measure a task on labelled data",
    load: () => import("./eval.ts"),
  },
  predict: {
    summary: "answer texts, as the endpoint would",
    load: () => import("./predict.ts"),
  },
  batch: {
    summary: "answer a file of any length, here or by a running Worker; list and cancel batches",
    load: () => import("./batch.ts"),
  },
  "import-peft": {
    summary: "turn a PEFT adapter (prefix tuning or LoRA) into a task folder",
    load: () => import("./import-peft.ts"),
  },
  "export-peft": {
    summary: "turn a task into an adapter that PEFT loads (prefix tuning or LoRA)",
    load: () => import("./export-peft.ts"),
  },
  sign: {
    summary: "sign task or base folders: model.sig, which model-signing verifies, too",
    load: () => import("./sign.ts"),
  },
  push: {
    summary: "check tasks, or a base, and put them into the bucket that the Worker serves from",
    load: () => import("./push.ts"),
  },
  list: {
    summary: "list the tasks in the bucket with their versions, newest first",
    load: () => import("./list.ts"),
  },
  rollback: {
    summary: "make an earlier version of a task current again",
    load: () => import("./rollback.ts"),
  },
  canary: {
    summary: "send a share of a task's requests to another version, or end that",
    load: () => import("./canary.ts"),
  },
  unpublish: {
    summary: "take a task down: within a second it answers 404",
    load: () => import("./unpublish.ts"),
  },
  history: {
    summary: "list the changes of a task, oldest first: when, what, by which key, from where",
    load: () => import("./history.ts"),
  },
  prune: {
    summary: "delete files that no task and no base in the bucket needs any more",
    load: () => import("./prune.ts"),
  },
  verify: {
    summary: "check a task folder, or every published version of a task: hashes, base, answers",
    load: () => import("./verify.ts"),
  },
  bundle: {
    summary: "write tasks as a folder for any static host, to answer in the browser",
    load: () => import("./bundle.ts"),
  },
  key: {
    summary: "make an API key: shown once, and known to the Worker by its SHA-256 only",
    load: () => import("./key.ts"),
  },
  bench: {
    summary: "measure or compare something; without a name, list what there is",
    load: () => import("./bench.ts"),
  },
};
