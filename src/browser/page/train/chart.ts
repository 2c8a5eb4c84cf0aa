/** The course of a run as a small drawing: the loss of each step as a line, the score of each epoch as dots. */
import { lossLine, scoreDots } from "./course.ts";
import type { ChartPoint, Course } from "./course.ts";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 140;
const MARGIN = 6;
/** Draws a course; `label` says in words what it shows. */
export function drawCourse(course: Course, label: string): SVGSVGElement {
  const chart = svg("svg", {
    class: "course",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": label,
  });
  const place = ([x, y]: ChartPoint): string =>
    `${(MARGIN + x * (WIDTH - 2 * MARGIN)).toFixed(1)},${(HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN)).toFixed(1)}`;
  for (const y of [0, 0.5, 1]) {
    const [from, to] = [place([0, y]), place([1, y])].map((point) => point.split(","));
    chart.append(
      svg("line", { class: "grid", x1: from![0]!, y1: from![1]!, x2: to![0]!, y2: to![1]! }),
    );
  }
  chart.append(svg("polyline", { class: "loss", points: lossLine(course).map(place).join(" ") }));
  for (const dot of scoreDots(course)) {
    const [cx, cy] = place(dot).split(",");
    chart.append(svg("circle", { class: "score", cx: cx!, cy: cy!, r: "4" }));
  }
  return chart;
}

function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
