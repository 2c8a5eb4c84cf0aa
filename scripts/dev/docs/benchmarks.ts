/** The tables of docs/benchmarks.md that stand in files of bench/results, each with its command. */
import {
  markdownTable,
  formatCount,
  formatScore,
  metricName,
  plural,
} from "../../../src/report/text.ts";
import { minutes } from "./minutes.ts";
import { madeBy, read } from "./result-files.ts";
import type { Made } from "./result-files.ts";
import { zeroShot } from "./zero-shot.ts";

/** Blocks of docs/benchmarks.md by their name. */
export const benchmarkBlocks = (): Readonly<Record<string, string>> => ({
  pocket: pocketTable(),
  "pocket-tasks": pocketTasks(),
  steps: steps(),
  epochs: epochs(),
  minutes: minutes(),
  "training-memory": trainingMemory(),
  pooling: pooling(),
  "zero-shot": zeroShot(),
  memory: memory(),
  pretrain: pretrain(),
  bundle: bundle(),
  overload: overload(),
  soak: soak(),
});

const ratio = (value: number): string => value.toFixed(2);
const ms = (value: number): string => `${Math.round(value)} ms`;
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function pocketTable(): string {
  const latency = read<Made & { pocket_ms: number; minilm_ms: number; ratio: number }>(
    "pocket/latency.json",
  );
  const cold = read<
    Made & {
      pocket_ms: number;
      minilm_ms: number;
      minilm_restored_ms: number;
      ratio: number;
      ratio_to_restored: number;
    }
  >("pocket/cold.json");
  const near = read<{ token_cosine: number; spearman: number }>("pocket/similarity.json");
  const files = ["latency", "cold", "similarity"].map(
    (name) => `[${name}.json](../bench/results/pocket/${name}.json)`,
  );
  return [
    markdownTable([
      ["", "bundled base", "MiniLM-L6", "ratio"],
      [
        "latency of a text of 128 tokens",
        ms(latency.pocket_ms),
        ms(latency.minilm_ms),
        ratio(latency.ratio),
      ],
      [
        "first answer of an empty isolate",
        ms(cold.pocket_ms),
        ms(cold.minilm_ms),
        ratio(cold.ratio),
      ],
      [
        "the same, MiniLM-L6 with an image, too",
        ms(cold.pocket_ms),
        ms(cold.minilm_restored_ms),
        ratio(cold.ratio_to_restored),
      ],
    ]),
    "",
    `On 1,000 held-back paragraphs, against the float32 teacher: token cosine ${formatScore(near.token_cosine)}, Spearman correlation of similarities ${formatScore(near.spearman)}.`,
    "",
    `\`${latency.command.replace("--only latency", "--only PART")}\`, ${plural(latency.machine.cores, "core")} of an ${latency.machine.cpu}, Node ${latency.machine.node.slice(1)}; ${files.join(", ")}`,
  ].join("\n");
}

interface Scored {
  readonly score: number;
  readonly interval: readonly [number, number];
}

function pocketTasks(): string {
  const path = "pocket/tasks.json";
  const result = read<
    Made & {
      mean_ratio: number;
      tasks: { task: string; metric: string; pocket: Scored; minilm: Scored; ratio: number }[];
    }
  >(path);
  const shown = ({ score, interval: [low, high] }: Scored): string =>
    `${formatScore(score)} (${formatScore(low)} to ${formatScore(high)})`;
  return [
    markdownTable([
      ["task", "metric", "bundled base", "MiniLM-L6", "ratio"],
      ...result.tasks.map(({ task, metric, pocket, minilm, ratio: of }) => [
        `\`${task}\``,
        metricName(metric),
        shown(pocket),
        shown(minilm),
        formatScore(of),
      ]),
      ["mean", "", "", "", formatScore(result.mean_ratio)],
    ]),
    "",
    madeBy(path, result),
  ].join("\n");
}

interface Range {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}
type Peer = "peft" | "peft-no-dropout" | "full";
interface Steps extends Made {
  readonly results: readonly {
    readonly task: string;
    readonly shape: string;
    readonly tokens_per_second: Readonly<Record<Peer | "ours", number>>;
    readonly ratio: Readonly<Record<Peer, Range>>;
  }[];
}

/** Training steps on two kinds of processors, a table each. */
function steps(): string {
  return [
    ["training/steps.json", "AVX2, without VNNI"],
    ["training/steps-vnni.json", "AVX-512 VNNI"],
  ]
    .flatMap(([path = "", instructions = ""]) => {
      const result = read<Steps>(path);
      return [
        markdownTable([
          [
            "head",
            "batch",
            "tokens/s",
            "to PEFT",
            "to PEFT without dropout",
            "to full fine-tuning",
          ],
          ...result.results.map(({ task, shape, tokens_per_second: speed, ratio: to }) => [
            task,
            shape,
            formatCount(speed.ours),
            ...(["peft", "peft-no-dropout", "full"] as const).map(
              (peer) => `${to[peer].median.toFixed(1)}x`,
            ),
          ]),
        ]),
        madeBy(path, result, instructions),
      ];
    })
    .join("\n\n");
}

interface Epoch extends Made {
  readonly rows: number;
  readonly results: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly padding: number;
    readonly ratio?: { readonly value: number; readonly low: number; readonly high: number };
  }[];
}

function epochs(): string {
  const paths = [
    ["training/epoch.json", "AVX2, without VNNI"],
    ["training/epoch-vnni.json", "AVX-512 VNNI"],
  ] as const;
  const rows = paths.flatMap(([path, instructions]) =>
    read<Epoch>(path).results.map(({ name, seconds, padding, ratio: to }) => [
      instructions,
      name === "ours" ? "edge-prefix" : name === "peft" ? "PEFT" : "PEFT without dropout",
      `${seconds.toFixed(1)} s`,
      `${Math.round(100 * padding)} %`,
      to ? `${to.value.toFixed(1)}x (${to.low.toFixed(1)} to ${to.high.toFixed(1)})` : "",
    ]),
  );
  const made = paths.map(
    ([path, instructions]) => `- ${madeBy(path, read<Epoch>(path), instructions)}`,
  );
  return [
    markdownTable([["processor", "", "an epoch", "padding", "ratio to edge-prefix"], ...rows]),
    "",
    ...made,
  ].join("\n");
}

function trainingMemory(): string {
  const path = "training/memory.json";
  const result = read<
    Made & { peak_bytes: number; start_bytes: number; end_bytes: number; steps: number }
  >(path);
  return [
    markdownTable([
      ["", "resident memory"],
      ["at the start", mb(result.start_bytes)],
      [`after ${formatCount(result.steps)} steps`, mb(result.end_bytes)],
      ["peak", mb(result.peak_bytes)],
    ]),
    "",
    madeBy(path, result),
  ].join("\n");
}

function pooling(): string {
  return ["pocket", "minilm"]
    .flatMap((name) => {
      const path = `pooling.${name}.json`;
      const result = read<
        Made & {
          base: string;
          results: { tokens: number; first_ms: number; mean_ms: number; ratio: number }[];
        }
      >(path);
      return [
        markdownTable([
          [`${result.base}: tokens`, "first token", "mean of all tokens", "ratio"],
          ...result.results.map(({ tokens, first_ms: first, mean_ms: mean, ratio: to }) => [
            String(tokens),
            `${first} ms`,
            `${mean} ms`,
            ratio(to),
          ]),
        ]),
        madeBy(path, result),
      ];
    })
    .join("\n\n");
}

function memory(): string {
  const path = "pocket/memory.json";
  const { loaded_bytes: loaded, after_1x512_bytes: after } = read<{
    loaded_bytes: number;
    after_1x512_bytes: number;
  }>(path);
  return `By onnxruntime-web, the wasm heap of the bundled base in workerd has ${mb(loaded)} after loading and ${mb(after)} after a text of 512 tokens ([${path}](../bench/results/${path})).`;
}

function pretrain(): string {
  const path = "pretrain.json";
  const result = read<
    Made & {
      few: { rows: number; seeds: number };
      tasks: { title: string; random: { mean: number }; pretrained: { mean: number } }[];
    }
  >(path);
  return [
    markdownTable([
      [`${result.few.rows} rows, entity F1`, "from random numbers", "pretrained"],
      ...result.tasks.map(({ title, random, pretrained }) => [
        title,
        formatScore(random.mean),
        formatScore(pretrained.mean),
      ]),
    ]),
    "",
    `Means of ${result.few.seeds} seeds. ${madeBy(path, result)}`,
  ].join("\n");
}

function bundle(): string {
  const path = "bundle.json";
  const { bundles } = read<{
    bundles: {
      name: string;
      modules: { module: string; bytes: number; gzip_bytes: number }[];
      bytes: number;
      gzip_bytes: number;
    }[];
  }>(path);
  const kb = (bytes: number): string => `${formatCount(Math.ceil(bytes / 1000))} kB`;
  return [
    markdownTable([
      ["Worker by", "module", "size", "compressed"],
      ...bundles.flatMap(({ name, modules, ...total }) =>
        [...modules, { module: "total", ...total }].map(({ module, bytes, gzip_bytes }) => [
          name === "peer" ? "onnxruntime-web, plainly" : `\`${name}\``,
          module,
          kb(bytes),
          kb(gzip_bytes),
        ]),
      ),
    ]),
    "",
    `\`npx edge-prefix bench bundle\`, [${path}](../bench/results/${path})`,
  ].join("\n");
}

interface Overload {
  readonly engine: string;
  readonly seconds: number;
  readonly requests: number;
  readonly capacity_per_s: number;
  readonly answered_per_s: number;
  readonly refused: number;
  readonly accepted_ms: { readonly p50: number; readonly p99: number };
  readonly refused_ms: { readonly p50: number; readonly p99: number };
  readonly lone_ms: number;
  readonly recovered_ms: number;
  readonly heap_growth: { readonly wasm_bytes: number };
}

function overload(): string {
  const results = ["load/overload.json", "load/overload.onnxruntime.json"].map((path) =>
    read<Overload>(path),
  );
  const row = (name: string, cell: (result: Overload) => string): string[] => [
    name,
    ...results.map((result) => cell(result)),
  ];
  const spread = ({ p50, p99 }: { p50: number; p99: number }): string =>
    `p50 ${ms(p50)}, p99 ${ms(p99)}`;
  return markdownTable([
    row(`${results[0]!.seconds} s`, ({ engine }) => `\`${engine}\``),
    row("capacity", ({ capacity_per_s: capacity }) => `${capacity.toFixed(1)} a second`),
    row("requests", ({ requests }) => formatCount(requests)),
    row("answered", ({ answered_per_s: answered }) => `${answered.toFixed(1)} a second`),
    row("time of an answer", (result) => spread(result.accepted_ms)),
    row("refused", ({ refused }) => formatCount(refused)),
    row("time of a refusal", (result) => spread(result.refused_ms)),
    row("growth of the wasm heap", ({ heap_growth: heap }) => `${heap.wasm_bytes} bytes`),
    row("a lone request before", (result) => ms(result.lone_ms)),
    row("answers as before after", (result) => ms(result.recovered_ms)),
  ]);
}

function soak(): string {
  const result = read<{
    minutes: number;
    requests: number;
    pushes: number;
    aborted: number;
    unexpected: number;
    faults: readonly string[];
    heap_growth: { wasm_bytes: number; live_bytes: number };
  }>("load/soak.json");
  return markdownTable([
    [`${result.minutes} minutes`, ""],
    ["requests", formatCount(result.requests)],
    ["pushes while they run", formatCount(result.pushes)],
    ["requests whose client left", formatCount(result.aborted)],
    ["unexpected answers", formatCount(result.unexpected)],
    ["complaints of workerd", formatCount(result.faults.length)],
    ["growth of the wasm heap", `${result.heap_growth.wasm_bytes} bytes`],
    ["growth of live objects", mb(result.heap_growth.live_bytes)],
  ]);
}
