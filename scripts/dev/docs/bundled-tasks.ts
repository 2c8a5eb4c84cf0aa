/** README.md's part about the bundled tasks: how good each is, and how it is asked. */
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { readTaskManifest } from "../../../src/core/format/manifest.ts";
import { EXAMPLES } from "../../../src/http/examples.ts";
import type { Example } from "../../../src/http/examples.ts";
import { PACKAGE } from "../../node/project.ts";
import { markdownTable } from "../../report/markdown.ts";
import { formatBytes, metricName } from "../../report/numbers.ts";
import { shellWord } from "../../report/usage.ts";
import { readTaskSpec } from "../../runs/task/spec.ts";

const ROUTE = "/v1/tasks/{task}/predict";
/** Where `npm start` listens. */
const ORIGIN = "http://localhost:8787";
/** Digits of a score that are the same on every machine, and say enough. */
const DIGITS = 3;

/** The numbers of a manifest that the table shows; train writes them. */
interface Measured {
  readonly dataset: string;
  readonly metric: string;
  readonly interval?: { readonly low: number; readonly high: number };
  readonly files?: readonly (Pick<Measured, "dataset" | "interval"> & Record<string, unknown>)[];
  readonly [metric: string]: unknown;
}

/** A table of the tasks in `prefixes`, and below it a request for each with its answer. */
export async function bundledTasks(): Promise<string> {
  const root = join(PACKAGE, "prefixes");
  const names = (await readdir(root)).filter((name) =>
    existsSync(join(root, name, "manifest.json")),
  );
  const rows = await Promise.all(names.toSorted().map((name) => rowOf(join(root, name))));
  return [
    markdownTable([["task", "what it tells", "measured", "learned from", "size"], ...rows]),
    "",
    "```console",
    Object.values(EXAMPLES[ROUTE]!).map(transcript).join("\n"),
    "```",
  ].join("\n");
}

async function rowOf(dir: string): Promise<string[]> {
  const read = async (name: string) => new Uint8Array(await readFile(join(dir, name)));
  const { task, metrics, prefix } = readTaskManifest(await read("manifest.json"), dir);
  const { description, data } = readTaskSpec(await read("task.json"), dir);
  return [
    `\`${task}\``,
    description ?? "",
    measuredText(metrics as unknown as Measured),
    `${data.source} (${data.licence})`,
    formatBytes(prefix.bytes),
  ];
}

function measuredText(metrics: Measured): string {
  const { metric, files = [metrics] } = metrics;
  const parts = files.map(({ dataset, interval, [metric]: value }) => {
    const range = interval ? ` (${percent(interval.low)}-${percent(interval.high)})` : "";
    return `${percent(Number(value))}${range} on ${dataset}`;
  });
  return `${metricName(metric)} ${parts.join(", ")}`;
}

function transcript({ path, body, answer }: Example): string {
  const data = shellWord(JSON.stringify(body));
  return `$ curl -s ${ORIGIN}${path} -H 'content-type: application/json' -d ${data}\n${JSON.stringify(rounded(answer))}`;
}

const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === "number" ? Number(item.toFixed(DIGITS)) : item,
  );

const percent = (share: number): string => (100 * share).toFixed(1);
