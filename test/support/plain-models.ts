/**
 * The models of a tokenizer.json in their simplest form, over JSON.parse and maps of texts: what the flat
 * ones are compared with. They take words, as a pre-tokenizer gives them, and return ids.
 */

export type PlainModel = (word: string) => number[];

/** The longest word of the vocabulary first, by trying all. */
export function plainWordPiece(vocab: Record<string, number>, unknown: string): PlainModel {
  const ids = new Map(Object.entries(vocab));
  return (word) => {
    const found: number[] = [];
    for (let from = 0; from < word.length;) {
      let to = word.length;
      const at = (): string => (from > 0 ? "##" : "") + word.slice(from, to);
      while (to > from && !ids.has(at())) to--;
      if (to === from) return [ids.get(unknown)!];
      found.push(ids.get(at())!);
      from = to;
    }
    return found;
  };
}

/** The best sum of scores, over all ways to cut; of equal ones the first that is found. */
export function plainUnigram(vocab: readonly [string, number][], unknownId: number): PlainModel {
  const ids = new Map(vocab.map(([token], id) => [token, id]));
  const scores = vocab.map(([, score]) => plainScore(score));
  const unknownScore = Math.min(...scores) - 10;
  return (word) => {
    const best: ({ score: number; from: number; id: number } | undefined)[] = [
      { score: 0, from: 0, id: -1 },
    ];
    const offer = (to: number, way: { score: number; from: number; id: number }): void => {
      if (!best[to] || way.score > best[to].score) best[to] = way;
    };
    for (let from = 0; from < word.length;) {
      const width = word.codePointAt(from)! > 0xffff ? 2 : 1;
      let coversOne = false;
      for (let to = from + 1; to <= word.length; to++) {
        const id = ids.get(word.slice(from, to));
        if (id === undefined) continue;
        offer(to, { score: scores[id]! + best[from]!.score, from, id });
        coversOne ||= to === from + width;
      }
      if (!coversOne) {
        offer(from + width, { score: unknownScore + best[from]!.score, from, id: unknownId });
      }
      from += width;
    }
    const found: number[] = [];
    for (let to = word.length; to > 0; to = best[to]!.from) found.unshift(best[to]!.id);
    return found.filter((id, i) => id !== unknownId || found[i - 1] !== unknownId);
  };
}

/** Digits as a whole number, divided by a power of ten, each rounded: how Python's library reads them. */
export function plainScore(score: number): number {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(score));
  if (!parts) return score;
  const [, sign, whole = "", fraction = ""] = parts;
  const magnitude = Number(BigInt(whole + fraction)) / Number(`1e${fraction.length}`);
  return sign === "-" ? -magnitude : magnitude;
}
