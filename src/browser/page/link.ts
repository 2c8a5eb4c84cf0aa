/**
 * The state of the page in the part of its address behind "#": that part is never sent to a server.
 * It holds tasks, texts and where to run; the API key is no part of it.
 */

export const WHERES = ["edge", "browser", "both"] as const;
/** Which machine answers: the Worker, this browser, or one after the other. */
export type Where = (typeof WHERES)[number];

export interface LinkState {
  readonly tasks: readonly string[];
  readonly text: string;
  readonly pair: string;
  readonly where: Where;
}

/** `#task=a&task=b&text=..&pair=..&where=both`; what is empty or the default is left out. */
export function writeLink({ tasks, text, pair, where }: LinkState): string {
  const fields = [
    ...tasks.map((task) => ["task", task] as const),
    ...(text === "" ? [] : [["text", text] as const]),
    ...(pair === "" ? [] : [["pair", pair] as const]),
    ...(where === "edge" ? [] : [["where", where] as const]),
  ];
  return `#${fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}

/** Reads the hash of an address; null where it holds no state, as when it names a place of the page. */
export function readLink(hash: string): LinkState | null {
  if (!hash.includes("=")) return null;
  const fields = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"));
  const where = WHERES.find((name) => name === fields.get("where")) ?? "edge";
  const tasks = [...new Set(fields.getAll("task"))].filter((name) => name !== "");
  return { tasks, text: fields.get("text") ?? "", pair: fields.get("pair") ?? "", where };
}
