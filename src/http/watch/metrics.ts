/**
 * Figures of this isolate in Prometheus' text format. Every series is bounded: routes are those of
 * the table, tasks are those that were opened, and beyond a limit they share one name. An isolate
 * knows only itself; figures across isolates are what the binding ANALYTICS is for.
 */
import type { Config } from "../settings/config.ts";
import type { AppDeps } from "../context/context.ts";

/** What is counted of a request that has been answered. */
export interface Observation {
  /** Pattern of the route, or "none". */
  readonly route: string;
  readonly status: number;
  /** By the clock, which in a deployed Worker shows the time of the last event. */
  readonly ms: number;
  /** Inputs by task; only tasks that were opened. */
  readonly tasks: Readonly<Record<string, number>>;
}

export interface Metrics {
  observe(request: Observation): void;
  /** Everything counted so far and what the parts say of themselves now. */
  render(parts: Pick<AppDeps, "models" | "tasks" | "scheduler" | "admission" | "arrivals">): string;
}

/** Upper bounds of the latency histogram in seconds: a lone short text to the longest deadline. */
const LATENCIES_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCH_ROWS = [1, 2, 4, 8, 16, 32];
/** No task has a name like this: all tasks beyond the limit. */
const OTHER_TASKS = "(other)";

/** Counts by upper bound; what is beyond the last bound is in the total alone. */
interface Histogram {
  readonly counts: number[];
  sum: number;
  total: number;
}

export function createMetrics({ metricsMaxTasks }: Pick<Config, "metricsMaxTasks">): Metrics {
  const requests = new Map<string, number>();
  const latencies = new Map<string, Histogram>();
  const tasks = new Set<string>();
  const taskRequests = new Map<string, number>();
  const taskInputs = new Map<string, number>();

  function nameOf(task: string): string {
    if (tasks.has(task)) return task;
    if (tasks.size >= metricsMaxTasks) return OTHER_TASKS;
    tasks.add(task);
    return task;
  }

  return {
    observe({ route, status, ms, tasks: inputs }) {
      add(requests, labels({ route, status }), 1);
      const key = labels({ route });
      const none = { counts: LATENCIES_S.map(() => 0), sum: 0, total: 0 };
      const histogram: Histogram = latencies.get(key) ?? none;
      latencies.set(key, histogram);
      histogram.sum += ms / 1000;
      histogram.total++;
      const place = LATENCIES_S.findIndex((bound) => ms / 1000 <= bound);
      if (place >= 0) histogram.counts[place]!++;
      for (const [task, count] of Object.entries(inputs)) {
        const name = nameOf(task);
        add(taskRequests, labels({ task: name, status }), 1);
        add(taskInputs, labels({ task: name }), count);
      }
    },

    render({ models, tasks: { cached }, scheduler, admission, arrivals }) {
      const { rows, tokens, paddedTokens, runsByRows } = scheduler.stats;
      const heap = models.ready?.encoder.memoryBytes() ?? 0;
      const latencyLines = [...latencies].flatMap(([key, histogram]) =>
        histogramLines("edge_prefix_request_duration_seconds", key, LATENCIES_S, histogram),
      );
      const batches = BATCH_ROWS.map((bound, i) =>
        [...runsByRows]
          .filter(([size]) => size <= bound && size > (BATCH_ROWS[i - 1] ?? 0))
          .reduce((all, [, count]) => all + count, 0),
      );
      return [
        ...family("requests_total", "counter", "Requests by route and status", requests),
        ...head("request_duration_seconds", "histogram", "Until the answer, or the stream, ended"),
        ...latencyLines,
        ...family("task_requests_total", "counter", "Requests by task", taskRequests),
        ...family("task_inputs_total", "counter", "Texts by task", taskInputs),
        ...head("batch_rows", "histogram", "Rows of a run of the model"),
        ...histogramLines("edge_prefix_batch_rows", "", BATCH_ROWS, {
          counts: batches,
          sum: rows,
          total: scheduler.runs,
        }),
        ...one("tokens_total", "counter", "Tokens that were run", tokens),
        ...one("padded_tokens_total", "counter", "The same, padding included", paddedTokens),
        ...one("queue_tokens", "gauge", "Tokens that wait", scheduler.queuedTokens),
        ...one("requests_open", "gauge", "Requests that wait for an answer", arrivals.count),
        ...one("token_seconds", "gauge", "Forecast of a token", admission.msPerToken / 1000),
        ...one("heap_bytes", "gauge", "Heap of the runtime, which never shrinks", heap),
        ...one("task_cache_bytes", "gauge", "Bytes of opened tasks in memory", cached.bytes),
        ...one("task_cache_versions", "gauge", "Opened versions in memory", cached.versions),
        ...one("base_ready", "gauge", "1 when the base is loaded", models.ready ? 1 : 0),
        "",
      ].join("\n");
    },
  };
}

const add = (counts: Map<string, number>, key: string, by: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + by);

/** `route="/livez",status="200"`, with what the format gives a meaning escaped. */
const labels = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${String(value).replace(/[\\"\n]/g, escapeCharacter)}"`)
    .join(",");
const escapeCharacter = (character: string): string =>
  character === "\n" ? "\\n" : `\\${character}`;

type Kind = "counter" | "gauge" | "histogram";

const head = (name: string, kind: Kind, help: string): string[] => [
  `# HELP edge_prefix_${name} ${help}`,
  `# TYPE edge_prefix_${name} ${kind}`,
];
const one = (name: string, kind: Kind, help: string, value: number): string[] => [
  ...head(name, kind, help),
  `edge_prefix_${name} ${value}`,
];
const family = (
  name: string,
  kind: Kind,
  help: string,
  values: ReadonlyMap<string, number>,
): string[] => [
  ...head(name, kind, help),
  ...[...values].map(([key, value]) => `edge_prefix_${name}{${key}} ${value}`),
];

/** Buckets of the format are cumulative, and the last one holds everything. */
function histogramLines(
  name: string,
  key: string,
  bounds: readonly number[],
  { counts, sum, total }: Histogram,
): string[] {
  const prefix = key === "" ? "" : `${key},`;
  let below = 0;
  const lines = bounds.map((bound, i) => {
    below += counts[i]!;
    return `${name}_bucket{${prefix}le="${bound}"} ${below}`;
  });
  const suffix = key === "" ? "" : `{${key}}`;
  return [
    ...lines,
    `${name}_bucket{${prefix}le="+Inf"} ${total}`,
    `${name}_sum${suffix} ${sum}`,
    `${name}_count${suffix} ${total}`,
  ];
}
