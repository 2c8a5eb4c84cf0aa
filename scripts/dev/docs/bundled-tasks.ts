/** docs/tasks.md: the bundled tasks, how good each is, and requests with their answers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readTaskManifest } from "../../../src/core/format/manifest.ts";
import { EXAMPLES } from "../../../src/http/openapi/examples.ts";
import type { Example } from "../../../src/http/openapi/examples.ts";
import { bundledFolders } from "../../publish/bundled-tasks.ts";
import {
  formatBytes,
  formatInterval,
  formatScore,
  metricName,
  shellWord,
} from "../../../src/report/text.ts";
import { readTaskSpec } from "../../../src/learn/task/spec.ts";

const ROUTE = "/v1/tasks/{task}/predict";
/** Where `npm start` listens. */
const ORIGIN = "http://localhost:8787";

/** The numbers of a manifest that are shown; train writes them. */
interface Measured {
  readonly dataset: string;
  readonly metric: string;
  readonly interval?: { readonly low: number; readonly high: number };
  readonly files?: readonly (Pick<Measured, "dataset" | "interval"> & Record<string, unknown>)[];
  readonly [metric: string]: unknown;
}

/** A section for each task of `prefixes`, in the order of their names. */
export async function bundledTasks(): Promise<string> {
  const sections = await Promise.all(bundledFolders().map(sectionOf));
  return sections.join("\n\n");
}

/** The request that README.md begins with, and its answer. */
export const firstRequest = (): string => session([EXAMPLES[ROUTE]!["one"]!]);

async function sectionOf(dir: string): Promise<string> {
  const read = async (name: string) => new Uint8Array(await readFile(join(dir, name)));
  const { task, metrics, prefix } = readTaskManifest(await read("manifest.json"), dir);
  const { description, data } = readTaskSpec(await read("task.json"), dir);
  const path = `/v1/tasks/${task}/predict`;
  const examples = Object.values(EXAMPLES[ROUTE]!).filter((example) => example.path === path);
  return [
    `## ${task}`,
    description ?? "",
    [
      `- measured: ${measuredText(metrics as unknown as Measured)}`,
      `- learned from: ${data.source} (${data.licence})`,
      `- size: ${formatBytes(prefix.bytes)}; [card](../prefixes/${task}/CARD.md)`,
    ].join("\n"),
    session(examples),
  ].join("\n\n");
}

function measuredText(metrics: Measured): string {
  const { metric, files = [metrics] } = metrics;
  const parts = files.map(({ dataset, interval, [metric]: value }) => {
    const range = interval ? ` (${formatInterval([interval.low, interval.high])})` : "";
    return `${formatScore(Number(value))}${range} on ${dataset}`;
  });
  return `${metricName(metric)} ${parts.join(", ")}`;
}

/** Requests as they are pasted into a shell, each followed by what is printed. */
const session = (examples: readonly Example[]): string =>
  ["```console", ...examples.map(transcript), "```"].join("\n");

function transcript({ path, body, answer }: Example): string {
  const data = shellWord(JSON.stringify(body));
  return `$ curl -s ${ORIGIN}${path} -H 'content-type: application/json' \\\n    -d ${data}\n${JSON.stringify(answer)}`;
}
