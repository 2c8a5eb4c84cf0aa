/** A run under way: how far it is, loss and score, what is left. */
import type { RunEvent } from "../../train/calls.ts";
import { el, fill } from "../element.ts";
import { drawCourse } from "./chart.ts";
import { timeLeft } from "./names.ts";

export interface RunView {
  readonly element: HTMLElement;
  show(event: RunEvent): void;
}

/** Pictures a second: more are not seen, and cost the run its time. */
const SHOW_EVERY_MS = 250;
/** Steps that the time left is told by. */
const MEAN_OVER = 30;

export function createRunView(name: string, stop: () => void): RunView {
  const bar = el("progress", { "aria-label": `Training ${name}`, max: "1", value: "0" });
  const status = el("p", { class: "note", role: "status", text: "Preparing .." });
  const numbers = el("dl", { class: "train-numbers" });
  const chart = el("div", { class: "train-chart" });
  const notes = el("ul", { class: "train-notes" });
  const stopButton = el("button", {
    type: "button",
    text: "Stop",
    on: {
      click: () => {
        stopButton.disabled = true;
        status.textContent = "Stopping after this step; the run is kept ..";
        stop();
      },
    },
  });
  const element = el(
    "div",
    { class: "train-run" },
    el("div", { class: "row" }, bar, stopButton),
    status,
    numbers,
    chart,
    notes,
  );

  const losses: number[] = [];
  const scores: { step: number; score: number }[] = [];
  let firstStep: number | null = null;
  let totalSteps = 1;
  let step = 0;
  let epochsText = "";
  let shownAt = -Infinity;
  let stepAt = performance.now();
  let stepMs = 0;
  /** From the estimate, which knows what follows the steps; then by the steps themselves. */
  let endsAt: number | null = null;

  function showNumbers(): void {
    const recent = losses.slice(-MEAN_OVER);
    const loss = recent.reduce((sum, value) => sum + value, 0) / Math.max(1, recent.length);
    const best = scores.reduce((most, { score }) => Math.max(most, score), -Infinity);
    const facts: [string, string][] = [
      ["step", `${step} of ${totalSteps}${epochsText}`],
      ["loss", losses.length === 0 ? "" : loss.toFixed(3)],
      ...(scores.length > 0
        ? ([["best score", best.toFixed(3)]] satisfies [string, string][])
        : []),
    ];
    fill(
      numbers,
      ...facts.map(([term, value]) =>
        el("div", {}, el("dt", { text: term }), el("dd", { text: value })),
      ),
    );
    const label = `Loss over ${step} of ${totalSteps} steps, now ${loss.toFixed(3)}${scores.length > 0 ? `; best score ${best.toFixed(3)}` : ""}`;
    const offset = (firstStep ?? 1) - 1;
    fill(
      chart,
      drawCourse(
        {
          losses,
          totalSteps: totalSteps - offset,
          scores: scores.map((item) => ({ ...item, step: item.step - offset })),
        },
        label,
      ),
      el(
        "p",
        { class: "train-legend" },
        el("span", { class: "loss", text: "loss" }),
        scores.length > 0 && el("span", { class: "score", text: "score of an epoch" }),
      ),
    );
  }

  function showStep(report: Extract<RunEvent, { kind: "step" }>["report"]): void {
    const now = performance.now();
    firstStep ??= report.step;
    losses.push(report.loss);
    ({ step, totalSteps } = report);
    const weight = 1 / Math.min(MEAN_OVER, losses.length);
    stepMs += (now - stepAt - stepMs) * weight;
    stepAt = now;
    bar.value = step / totalSteps;
    const isLast = step === totalSteps;
    if (!isLast && now - shownAt < SHOW_EVERY_MS) return;
    shownAt = now;
    showNumbers();
    if (stopButton.disabled) return;
    const bySteps = ((totalSteps - step) * stepMs) / 1_000;
    const left = endsAt === null ? bySteps : Math.max(bySteps, (endsAt - now) / 1_000);
    status.textContent = isLast
      ? "Measuring what was learned .."
      : `Training: ${timeLeft(left)} left. You may close this page and go on later.`;
  }

  return {
    element,
    show(event) {
      switch (event.kind) {
        case "note":
          notes.append(el("li", { text: event.line }));
          break;
        case "estimate":
          endsAt = performance.now() + 1_000 * event.estimate.seconds;
          stepAt = performance.now();
          status.textContent = `Training: ${timeLeft(event.estimate.seconds)}.`;
          break;
        case "step":
          showStep(event.report);
          break;
        case "epoch": {
          const { record, epochs } = event;
          if (epochs > 1) {
            scores.push({ step, score: record.score });
            epochsText = `, epoch ${record.epoch} of ${epochs} done`;
          }
          stepAt = performance.now();
          showNumbers();
          break;
        }
        default:
          event satisfies never;
      }
    },
  };
}
