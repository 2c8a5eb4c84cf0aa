/** Reads the shapes of a chart back, so that tests look at what is drawn and not at its text. */
import type { Markup } from "../../src/report/html.ts";

export interface Shape {
  readonly tag: string;
  /** Attributes; numbers as numbers. */
  readonly [attribute: string]: string | number;
}

/** All elements of `tag` (circle, rect, text, line, path), with `content` as the text inside. */
export function shapes(chart: Markup, tag: string, kind?: string): Shape[] {
  const pattern = new RegExp(`<${tag}( [^>]*?)/?>(?:([^<]*)(?:<title>([^<]*)</title>)?)?`, "g");
  return [...chart.toString().matchAll(pattern)]
    .map(([, attributes = "", content = "", title = ""]): Shape => {
      const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => {
        const isNumber = value !== "" && Number.isFinite(Number(value));
        return [name!, isNumber ? Number(value) : value!] as const;
      });
      return { tag, ...Object.fromEntries(pairs), content, title };
    })
    .filter((shape) => kind === undefined || String(shape["class"]).split(" ").includes(kind));
}

/** The points of a path made of M and L. */
export const points = (path: Shape): [x: number, y: number][] =>
  String(path["d"])
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(",").map(Number) as [number, number]);
