/** Made-up facts for the report and the card: every field is there, numbers are easy to follow. */
import type { CalibrationFacts, ReportFacts } from "../../src/report/facts.ts";

const bins = (shift: number): CalibrationFacts["after"]["bins"] =>
  Array.from({ length: 10 }, (_, i) => ({
    low: i / 10,
    high: (i + 1) / 10,
    count: i < 3 ? 0 : i * i,
    confidence: i / 10 + 0.05,
    accuracy: i < 3 ? 0 : i / 10 + 0.05 - shift,
  }));

const EPOCHS = [0.61, 0.72, 0.74, 0.73].map((score, i) => ({
  epoch: i + 1,
  loss: [1.2, 0.7, 0.5, 0.4][i]!,
  score,
}));

/** Sequence classification with three labels. */
export const MOOD: ReportFacts = {
  task: "mood",
  description: "How does somebody feel about something?",
  type: "sequence",
  problemType: "single_label_classification",
  method: "prefix",
  labels: ["bad", "fair", "good"],
  numVirtualTokens: 16,
  pooling: "mean",
  maxLength: 128,
  prefixBytes: 75_540,
  base: { name: "pocket", identity: "90ca82a2c9de", dtype: "int8" },
  version: "0123456789ab",
  created: "2026-11-23T22:43:16.887Z",
  sample: { text: "It's a film that I'd watch again" },
  evaluation: {
    name: "held-out.csv",
    rows: 100,
    runtime: "int8, onnxruntime-web",
    metrics: [
      { name: "accuracy", value: 0.74, interval: [0.65, 0.82], isScore: true },
      { name: "macro_f1", value: 0.71, interval: [0.61, 0.8] },
      { name: "matthews", value: 0.6, interval: [0.47, 0.72] },
    ],
    labels: [
      { label: "bad", precision: 0.8, recall: 0.9, f1: 0.847, support: 40 },
      { label: "fair", precision: 0.5, recall: 0.4, f1: 0.444, support: 20 },
      { label: "good", precision: 0.78, recall: 0.75, f1: 0.765, support: 40 },
    ],
    confusion: [
      { truth: "bad", answer: "bad", count: 36 },
      { truth: "bad", answer: "fair", count: 4 },
      { truth: "fair", answer: "fair", count: 8 },
      { truth: "fair", answer: "good", count: 12 },
      { truth: "good", answer: "good", count: 30 },
      { truth: "good", answer: "bad", count: 10 },
    ],
    calibration: {
      temperature: 1.31,
      before: { ece: 0.08, bins: bins(0.1) },
      after: { ece: 0.02, bins: bins(0.02) },
    },
    hardest: [
      { text: "not bad at all", truth: ["good"], answer: ["bad"], score: 0.97, loss: 3.5 },
      { text: "meh", pair: "why not", truth: ["fair"], answer: ["good"], score: 0.7, loss: 1.6 },
    ],
  },
  doubtful: [
    {
      row: 11,
      text: "the best of all <films>",
      labels: ["bad"],
      place: "reviews.csv:13",
      why: { kind: "neighbours", label: "good", count: 9, of: 10 },
    },
    {
      row: 20,
      text: "so so",
      pair: "and so on",
      labels: ["fair"],
      place: "reviews.csv:22",
      why: { kind: "text", other: 4, text: "So so!", labels: ["good"] },
      otherPlace: "reviews.csv:6",
    },
  ],
  training: {
    rows: 900,
    steps: 228,
    epochs: EPOCHS,
    bestEpoch: 3,
    scoreName: "accuracy",
    stepLosses: Array.from({ length: 40 }, (_, i) => ({
      epoch: (i + 1) / 10,
      loss: 1.5 / (1 + i / 12) + (i % 3) / 20,
    })),
    settings: { learning_rate: 0.01, epochs: 4, batch_size: 16, weight_decay: 0.01, seed: 0 },
    reasons: { epochs: "900 rows: few rows need many passes" },
    seconds: 754,
  },
  sweep: {
    scoreName: "accuracy",
    cells: [4, 16, 64].flatMap((numVirtualTokens, i) =>
      [0.003, 0.01, 0.03].map((learningRate, j) => ({
        numVirtualTokens,
        learningRate,
        score: 0.6 + 0.05 * i + 0.02 * j - (i === 2 && j === 2 ? 0.2 : 0),
        seeds: i === 2 ? 3 : 1,
        budget: i === 2 ? 1 : 0.25,
        ...(i === 2 && { interval: [0.6, 0.66] as const }),
      })),
    ),
    chosen: { numVirtualTokens: 64, learningRate: 0.01 },
    reason: "64 is ahead of 16 by more than the interval.",
  },
  data: {
    files: [
      { name: "reviews.csv", use: "train", rows: 900, badRows: 2 },
      { name: "held-out.csv", use: "eval", rows: 100, badRows: 0 },
    ],
    source: "written for this test",
    licence: "cc-by-4.0",
    language: "en",
    notes: ["3 training rows left out: their texts are evaluation texts"],
    balance: [
      { label: "bad", train: 400, eval: 40 },
      { label: "fair", train: 100, eval: 20 },
      { label: "good", train: 400, eval: 40 },
    ],
    lengths: {
      train: { width: 4, counts: [10, 200, 400, 180, 80, 20, 8, 2], median: 10, p95: 19, max: 30 },
      eval: { width: 4, counts: [2, 20, 46, 22, 8, 2], median: 10, p95: 18, max: 22 },
    },
  },
};

/** Token classification with two entity types; one sentence reads from right to left. */
export const PLACES: ReportFacts = {
  ...MOOD,
  task: "places",
  description: undefined,
  type: "token",
  labels: ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"],
  pooling: "none",
  sample: { text: "Angela visited Paris" },
  sweep: undefined,
  doubtful: [
    {
      row: 8,
      text: "who saw London",
      labels: ["London: O"],
      place: "places.conll:31",
      why: { kind: "words", label: "LOC", count: 5, of: 6 },
    },
  ],
  evaluation: {
    name: "tags.conll",
    rows: 50,
    runtime: "int8, onnxruntime-web",
    metrics: [
      { name: "precision", value: 0.8, interval: [0.7, 0.88] },
      { name: "recall", value: 0.6, interval: [0.5, 0.7] },
      { name: "f1", value: 0.686, interval: [0.6, 0.76], isScore: true },
    ],
    labels: [
      { label: "LOC", precision: 0.9, recall: 0.7, f1: 0.788, support: 30 },
      { label: "PER", precision: 0.7, recall: 0.5, f1: 0.583, support: 30 },
    ],
    entities: { correct: 36, wrongType: 4, wrongEnds: 5, wrongBoth: 1, missed: 14, spurious: 3 },
    hardest: [
      {
        text: "Angela visited New York",
        truth: ["B-PER", "O", "B-LOC", "I-LOC"],
        answer: ["O", "O", "B-LOC", "I-PER"],
        loss: 6.1,
        words: [
          { start: 0, end: 6 },
          { start: 7, end: 14 },
          { start: 15, end: 18 },
          { start: 19, end: 23 },
        ],
      },
      {
        text: "زارت أنجيلا باريس",
        truth: ["O", "B-PER", "B-LOC"],
        answer: ["O", "O", "B-LOC"],
        loss: 2.3,
        words: [
          { start: 0, end: 4 },
          { start: 5, end: 11 },
          { start: 12, end: 17 },
        ],
      },
    ],
  },
};
