/** CARD.md of a base: where the weights come from, their licence, what was removed, the sizes. */
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { ENGINE_TITLES, servingEngine } from "../../src/engine/simd/serving-engine.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** Card of an imported base. */
export function importCard(
  manifest: BaseManifest,
  checkpoint: Checkpoint,
  ignored: readonly string[],
): string {
  const licence =
    checkpoint.licence ??
    "not stated in the checkpoint's folder; see its model card before publishing";
  return `# ${manifest.name}

A frozen ${manifest.configuration.model_type} encoder, made by \`edge-prefix import\`.

| | |
|---|---|
| weights | ${checkpoint.source} |
| licence of the weights | ${licence} |
| stored as | ${manifest.dtype === "int8" ? "int8: linear weights per output channel, word table per row; the rest float32" : "float32"} |
| served by | ${servedBy(manifest)} |
| pooling | ${manifest.pooling ?? "not stated by the checkpoint"} |
| left aside | ${ignored.length > 0 ? ignored.join(", ") : "nothing"} |

${sizesSection(manifest)}`;
}

/** The engines that compute it in a Worker. */
const servedBy = (manifest: BaseManifest): string =>
  servingEngine(manifest) === "simd"
    ? `${ENGINE_TITLES.simd}, ${ENGINE_TITLES.web}`
    : ENGINE_TITLES.web;

/** Card of a shrunk base: the card it came from, and what was taken away. */
export function shrinkCard(
  manifest: BaseManifest,
  from: { card: string; manifest: BaseManifest },
  removed: readonly string[],
): string {
  return `# ${manifest.name}

A smaller base, made by \`edge-prefix shrink\` from ${from.manifest.name}@${from.manifest.identity.slice(0, 12)}.

Removed:
${removed.map((line) => `- ${line}`).join("\n")}

The base it was made from:
${cardOrigin(from.card)}

${sizesSection(manifest)}`;
}

/** A base's card as part of another's: without title and sizes, which would mislead. */
export const cardOrigin = (card: string): string =>
  card
    .replace(/^# .*\n/, "")
    .replace(/\n## Sizes[\s\S]*$/, "")
    .trimEnd();

/** The last section of every card. */
export function sizesSection(manifest: BaseManifest): string {
  const rows = Object.entries(manifest.files).map(
    ([name, { bytes }]) => `| ${name} | ${bytes.toLocaleString("en")} |`,
  );
  const total = Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);
  const { configuration: c } = manifest;
  return `## Sizes
${c.num_hidden_layers} layers, hidden size ${c.hidden_size}, ${c.num_attention_heads} heads, ${c.vocab_size.toLocaleString("en")} words, texts of up to ${maxLengthOf(c)} tokens.

| file | bytes |
|---|---|
${rows.join("\n")}
| all | ${total.toLocaleString("en")} |
`;
}
