/** What came of a request: answered, refused as the docs promise, or something that no client should see. */

export interface Seen {
  /** 0: no answer came at all. */
  readonly status: number;
  readonly retryAfter: string | null;
  readonly ms: number;
}

export type Outcome = "answered" | "refused" | "unexpected";

/** Under load, a refusal is an answer too, when it says when to come back (RFC 9110, 10.2.3). */
export function outcomeOf({ status, retryAfter }: Omit<Seen, "ms">): Outcome {
  if (status === 200) return "answered";
  const isRefusal = status === 429 || status === 503;
  return isRefusal && /^[1-9]\d*$/.test(retryAfter ?? "") ? "refused" : "unexpected";
}

/** How many there were of each, unexpected ones by what they were. */
export function countOutcomes(all: readonly Omit<Seen, "ms">[]): {
  readonly answered: number;
  readonly refused: number;
  readonly unexpected: Readonly<Record<string, number>>;
} {
  const counts = { answered: 0, refused: 0 };
  const unexpected: Record<string, number> = {};
  for (const seen of all) {
    const outcome = outcomeOf(seen);
    if (outcome === "unexpected") {
      const name = seen.status === 0 ? "no answer" : describe(seen);
      unexpected[name] = (unexpected[name] ?? 0) + 1;
    } else counts[outcome]++;
  }
  return { ...counts, unexpected };
}

const describe = ({ status, retryAfter }: Omit<Seen, "ms">): string =>
  status === 429 || status === 503
    ? `${status} with retry-after ${JSON.stringify(retryAfter)}`
    : String(status);
