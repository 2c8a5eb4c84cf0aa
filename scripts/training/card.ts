/** CARD.md of a task: a model card in the Hub's format, made of the manifest and how it was trained. */
import { shortIdentity } from "../../src/core/manifest.ts";
import type { TaskManifest } from "../../src/core/manifest.ts";

export interface CardFacts {
  readonly description: string | undefined;
  readonly method: string;
  /** Names of the data files and where they come from; null when not trained here. */
  readonly data: {
    readonly files: readonly string[];
    readonly source: string | null;
    readonly licence: string | null;
  } | null;
  /** Name -> value, shown as a table. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly prefixBytes: number;
}

/** The text of CARD.md. */
export function taskCard(manifest: TaskManifest, facts: CardFacts): string {
  const { metrics, labels } = manifest;
  const numbers = Object.entries(metrics).filter(([, value]) =>
    ["number", "string"].includes(typeof value),
  );
  const pipeline = manifest.type === "token" ? "token-classification" : "text-classification";
  return [
    "---",
    `pipeline_tag: ${pipeline}`,
    "library_name: edge-prefix",
    `base_model: ${manifest.base.name}`,
    "tags: [prefix-tuning, p-tuning-v2]",
    "---",
    "",
    `# ${manifest.task}`,
    "",
    ...(facts.description ? [facts.description, ""] : []),
    `A ${manifest.type} classification task for the base ${shortIdentity(manifest.base)}: ${manifest.num_virtual_tokens} virtual tokens and a linear head, ${Math.round(facts.prefixBytes / 1000)} kB. The base itself is unchanged.`,
    "",
    `Labels (${labels.length}): ${labels.slice(0, 100).join(", ")}${labels.length > 100 ? ", .." : ""}`,
    "",
    ...(numbers.length > 0
      ? [
          "## Results",
          "",
          ...table(
            Object.fromEntries(
              numbers.map(([k, v]) => [k, typeof v === "number" ? round(v) : String(v)]),
            ),
          ),
          "",
        ]
      : []),
    ...(Object.keys(facts.settings).length > 0
      ? ["## Training", "", ...table({ method: facts.method, ...facts.settings }), ""]
      : []),
    ...(facts.data
      ? [
          "## Data",
          "",
          `Trained on ${facts.data.files.join(", ")}. Source: ${facts.data.source ?? "not stated"}. Licence: ${facts.data.licence ?? "not stated"}. No text of the data is part of this task.`,
          "",
        ]
      : []),
  ].join("\n");
}

function table(rows: Readonly<Record<string, string | number>>): string[] {
  return [
    "| | |",
    "|---|---|",
    ...Object.entries(rows).map(([name, value]) => `| ${name} | ${value} |`),
  ];
}

const round = (value: number): number =>
  Number.isInteger(value) ? value : Number(value.toFixed(4));
