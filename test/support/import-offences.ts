/** Which imports break the dependency rule (imports.ts), in a sentence each. */
import { ENCODER_FAMILIES, GROUPS } from "./imports.ts";
import type { Import } from "./source-imports.ts";

/** What only some files may name, so that it can be replaced without the rest. */
export const ONLY_IN: Readonly<Record<string, RegExp>> = {
  "onnxruntime-node": /^scripts\/node\/runtime-node\.ts$/,
  assemblyscript: /^scripts\/dev\/kernels\//,
  "onnxruntime-web": /^src\/engine\/ort\//,
  // Feeds by the names of a graph's inputs: an engine makes them, and training.
  "src/core/model/collate.ts": /^(?:src\/(?:engine\/ort|learn)|scripts\/runs)\//,
};

/** One architecture; everything else asks the table of families for it. */
const FAMILY = /^src\/encoder\/families\/(?!architecture\.ts|families\.ts)/;

/** One sentence for every import that the rule does not allow. */
export function offences(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, isTypeOnly }) => {
    const group = GROUPS.find((item) => item.files.test(from));
    if (!group) return [`${from}: belongs to no group of the dependency rule`];
    const edge = `${from} -> ${to}`;
    const only = ONLY_IN[to];
    if (only && !only.test(from) && !from.startsWith("bench/")) {
      return [`${edge}: ${to} may be imported only where ${only.source} matches`];
    }
    if (FAMILY.test(to) && !ENCODER_FAMILIES.test(from)) {
      return [`${edge}: a family may be imported only beside the table of families`];
    }
    const isOwn = GROUPS.find((item) => item.files.test(to)) === group;
    const isAllowed = isOwn || group.may.some((pattern) => pattern.test(to));
    if (isAllowed) return [];
    if (group.types?.some((pattern) => pattern.test(to))) {
      return isTypeOnly ? [] : [`${edge}: ${group.name} may import only types from it`];
    }
    return [`${edge}: not allowed for ${group.name}`];
  });
}
