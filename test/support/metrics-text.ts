/** Reads Prometheus' text format, strictly: what its parser would refuse fails the test. */
import { expect } from "vitest";

/** Values by series, `name{label="value"}`. Format: prometheus.io/docs/instrumenting/exposition_formats. */
export function readMetrics(text: string): ReadonlyMap<string, number> {
  expect(text.endsWith("\n"), "the last line ends").toBe(true);
  const values = new Map<string, number>();
  let family = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, type] = /^# TYPE (\S+) (?:counter|gauge|histogram)$/.exec(line) ?? [];
    if (type !== undefined) family = type;
    if (line.startsWith("#")) {
      expect(line).toMatch(/^# (?:HELP|TYPE) [a-z_]+ \S/);
      continue;
    }
    const [, series = "", value] =
      /^([a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (\S+)$/.exec(line) ?? [];
    expect(series.startsWith(family), `${line} belongs to ${family}`).toBe(true);
    expect(values.has(series), `${series} is there once`).toBe(false);
    expect(Number.isFinite(Number(value)), line).toBe(true);
    values.set(series, Number(value));
  }
  return values;
}
