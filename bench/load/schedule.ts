/** When requests are sent: by the clock, whatever has become of those before. */
import { setTimeout as pause } from "node:timers/promises";

export interface Sent<T> {
  readonly all: readonly T[];
  /** Milliseconds by which each was sent too late, because the client itself was busy. */
  readonly lateMs: readonly number[];
}

/** How many requests are due `ms` after the start, the first one at once. */
export const dueAt = (ms: number, perSecond: number, total: number): number =>
  Math.max(0, Math.min(total, Math.floor((ms * perSecond) / 1000) + 1));

/**
 * An open loop: `perSecond` requests at even distances, none of which waits for another; resolves
 * when the last one is settled. `onSent` is called when the last has been sent.
 */
export async function openLoop<T>(
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  send: () => Promise<T>,
  onSent: () => void = () => undefined,
): Promise<Sent<T>> {
  const total = Math.max(1, Math.round(perSecond * seconds));
  const start = performance.now();
  const pending: Promise<T>[] = [];
  const lateMs: number[] = [];
  while (pending.length < total) {
    const now = performance.now() - start;
    for (const due = dueAt(now, perSecond, total); pending.length < due;) {
      lateMs.push(now - (1000 * pending.length) / perSecond);
      pending.push(send());
    }
    await pause(1);
  }
  onSent();
  return { all: await Promise.all(pending), lateMs };
}

/** Asks as soon as it is answered, `clients` times at once, for `ms` milliseconds. */
export async function closedLoop<T>(
  { clients, ms }: { readonly clients: number; readonly ms: number },
  ask: () => Promise<T>,
): Promise<T[]> {
  const until = performance.now() + ms;
  const all: T[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < until) all.push(await ask());
  };
  await Promise.all(Array.from({ length: clients }, client));
  return all;
}

/** A probe of a server that is to recover: when it was sent, and whether it was answered as before. */
export interface Probe {
  readonly at: number;
  readonly isGood: boolean;
}

/** A machine with neighbours delays one request or another at any time, with no load at all. */
const CALM_PROBES = 5;

/**
 * Milliseconds from `end` to the first of five probes in a row that are all good, however single
 * later ones fare: Infinity when there are no such five.
 */
export function recoveryMs(probes: readonly Probe[], end: number): number {
  const first = probes.find((_, i) => {
    const row = probes.slice(i, i + CALM_PROBES);
    return row.length === CALM_PROBES && row.every(({ isGood }) => isGood);
  });
  return first ? Math.max(0, first.at - end) : Infinity;
}

/** The share of probes that are bad, from `start` on: NaN where there are none. */
export function badShare(probes: readonly Probe[], start = -Infinity): number {
  const counted = probes.filter(({ at }) => at >= start);
  return counted.filter(({ isGood }) => !isGood).length / counted.length;
}
