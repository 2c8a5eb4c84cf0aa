/** Where the time went: one bar of parts, and their names with milliseconds. */
import { el } from "./element.ts";
import { formatMs, timeParts } from "./timing.ts";

const CLOCK_NOTE =
  "This server's clock stands still while it computes, so the network's part contains the computing.";

/** The parts of an answer's time. */
export function showTime(serverTiming: string, totalMs: number): HTMLElement {
  const { parts, isClockStill } = timeParts(serverTiming, totalMs);
  const shown = parts.map(({ name, ms }) => {
    const label = name === "network" && isClockStill ? "network and computing" : name;
    return { name, label, ms };
  });
  return el(
    "div",
    { class: "time" },
    el(
      "div",
      { class: "time-bar", "aria-hidden": "true" },
      ...shown.map(({ name, ms }) => el("i", { "data-part": name, vars: { ms: String(ms) } })),
    ),
    el(
      "ul",
      { class: "time-parts", "aria-label": "Where the time went" },
      ...shown.map(({ name, label, ms }) =>
        el("li", { "data-part": name }, `${label} `, el("b", { text: formatMs(ms) })),
      ),
    ),
    isClockStill && el("p", { class: "note", text: CLOCK_NOTE }),
  );
}
