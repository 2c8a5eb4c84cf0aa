/**
 * The YAML block at the top of a model card, as the Hub reads it
 * (https://huggingface.co/docs/hub/model-cards#model-card-metadata): what finds a model, and its
 * results in the form of a model-index.
 */
import type { ReportFacts } from "./facts.ts";
import { metricName } from "./text.ts";

/** What the block can hold; undefined is left out. */
export type Yaml = string | number | readonly Yaml[] | { readonly [key: string]: Yaml | undefined };

/** Licences that the Hub knows by these names; any other is "other" with a name of its own. */
const LICENCES: readonly string[] = [
  ..."apache-2.0 mit bsd-2-clause bsd-3-clause isc unlicense wtfpl zlib gpl-2.0 gpl-3.0".split(" "),
  ..."lgpl-2.1 lgpl-3.0 agpl-3.0 mpl-2.0 epl-2.0 eupl-1.1 afl-3.0 artistic-2.0 ecl-2.0".split(" "),
  ..."cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0".split(" "),
  ..."cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0".split(
    " ",
  ),
  ..."cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 odc-by odbl pddl gfdl unknown".split(" "),
];

/** Our name of a metric -> the Hub's; the others keep theirs. */
const HUB_METRICS: Readonly<Record<string, string>> = {
  macro_f1: "f1",
  micro_f1: "f1",
  micro_precision: "precision",
  micro_recall: "recall",
  token_accuracy: "accuracy",
  subset_accuracy: "accuracy",
  matthews: "matthews_correlation",
  spearman: "spearmanr",
  pearson: "pearsonr",
  mean_absolute_error: "mae",
};

const hubMetric = (name: string): string => HUB_METRICS[name] ?? name;

/** The block's content as plain data. */
export function cardMetadata(facts: ReportFacts): Record<string, Yaml | undefined> {
  const { data, evaluation, base, type, method } = facts;
  const dataset = hubDataset(data?.source ?? null);
  const metrics = evaluation?.metrics ?? [];
  return {
    ...licenceFields(data?.licence ?? null),
    language: data?.language,
    library_name: "edge-prefix",
    pipeline_tag: type === "token" ? "token-classification" : "text-classification",
    base_model: base.name,
    base_model_relation: "adapter",
    datasets: dataset === null ? undefined : [dataset],
    tags: method.startsWith("prefix") ? ["prefix-tuning", "p-tuning-v2"] : [method],
    metrics:
      metrics.length > 0 ? [...new Set(metrics.map(({ name }) => hubMetric(name)))] : undefined,
    "model-index": modelIndex(facts, dataset),
  };
}

function modelIndex(facts: ReportFacts, dataset: string | null): Yaml | undefined {
  const { evaluation, type, task, data } = facts;
  if (!evaluation || evaluation.metrics.length === 0) return undefined;
  const result = {
    task:
      type === "token"
        ? { type: "token-classification", name: "Token Classification" }
        : { type: "text-classification", name: "Text Classification" },
    dataset: {
      name: data?.source ?? evaluation.name,
      type: dataset ?? slug(evaluation.name),
      split: evaluation.name,
    },
    metrics: evaluation.metrics.map(({ name, value }) => ({
      type: hubMetric(name),
      value: Number(value.toFixed(6)),
      name: metricName(name),
    })),
  };
  return [{ name: task, results: [result] }];
}

/** "CC BY 4.0" -> license: cc-by-4.0; words of one's own -> other, with a name; nothing -> unknown. */
export function licenceFields(licence: string | null): Record<string, Yaml> {
  if (licence === null) return { license: "unknown" };
  const id = licence.trim().toLowerCase().replaceAll(/\s+/g, "-");
  return LICENCES.includes(id)
    ? { license: id }
    : { license: "other", license_name: slug(licence) };
}

/** A source that has the form of a dataset's id on the Hub: `banking77`, `owner/name`. */
const hubDataset = (source: string | null): string | null =>
  source !== null && /^[\w.-]+(\/[\w.-]+)?$/.test(source) ? source : null;

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}.]+/gu, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 80);

/**
 * Plain data as YAML in block style. Strings are quoted as JSON does, which YAML 1.2 reads the
 * same, unless they are words that mean nothing else.
 */
export function yamlBlock(
  value: Readonly<Record<string, Yaml | undefined>>,
  indent = "",
): string[] {
  return Object.entries(value).flatMap(([key, item]) =>
    item === undefined ? [] : entryLines(`${indent}${scalar(key)}:`, item, indent),
  );
}

function entryLines(start: string, item: Yaml, indent: string): string[] {
  if (typeof item !== "object") return [`${start} ${scalar(item)}`];
  if (!Array.isArray(item)) {
    return [start, ...yamlBlock(item as Record<string, Yaml | undefined>, `${indent}  `)];
  }
  if (item.length === 0) return [`${start} []`];
  return [start, ...item.flatMap((element: Yaml) => elementLines(element, indent))];
}

/** `- ` before the first line of an element, two spaces before the others. */
function elementLines(element: Yaml, indent: string): string[] {
  if (typeof element !== "object") return [`${indent}- ${scalar(element)}`];
  const lines = yamlBlock(element as Record<string, Yaml | undefined>, `${indent}  `);
  return lines.map((line, i) => (i === 0 ? `${indent}- ${line.trimStart()}` : line));
}

/** Words that YAML 1.1 or 1.2 reads as something else than a string. */
const SPECIAL = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

function scalar(value: string | number): string {
  if (typeof value === "number") return String(value);
  const isPlain = /^[A-Za-z_][\w./+-]*$/.test(value) && !SPECIAL.test(value);
  return isPlain ? value : JSON.stringify(value);
}
