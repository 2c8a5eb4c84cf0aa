/** Where the time of an answer went: the header `server-timing` beside what the browser measured. */

/** A part of the time between the question and the answer. */
export interface TimePart {
  readonly name: "tokens" | "queue" | "run" | "decode" | "network";
  readonly ms: number;
}

/** Names of the server's parts, as the page calls them. */
const PARTS = [
  ["tokenize", "tokens"],
  ["queue", "queue"],
  ["run", "run"],
  ["decode", "decode"],
] as const;

/** `name;dur=12.3, ..` -> milliseconds by name; anything else in the header is left out. */
export function readServerTiming(header: string): ReadonlyMap<string, number> {
  const entries = header.split(",").flatMap((entry): [string, number][] => {
    const [, name, ms] = /^\s*([\w-]+)\s*;(?:.*;)?\s*dur=([\d.]+)/.exec(entry) ?? [];
    return name === undefined ? [] : [[name, Number(ms)]];
  });
  return new Map(entries);
}

/**
 * The parts of `totalMs`, in their order. What the server does not account for is "network". A
 * deployed Worker's clock stands still while it computes: then its parts are 0 and the network's part
 * contains the computation, which `isClockStill` says.
 */
export function timeParts(
  header: string,
  totalMs: number,
): { readonly parts: readonly TimePart[]; readonly isClockStill: boolean } {
  const timing = readServerTiming(header);
  const own = PARTS.map(([name, shown]): TimePart => ({ name: shown, ms: timing.get(name) ?? 0 }));
  const known = own.reduce((sum, { ms }) => sum + ms, 0);
  const network: TimePart = { name: "network", ms: Math.max(0, totalMs - known) };
  const isClockStill = own.every(({ name, ms }) => name === "queue" || ms === 0);
  return { parts: [...own, network], isClockStill };
}

/** Milliseconds for people: a digit more where there are few. */
export const formatMs = (ms: number): string =>
  ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
