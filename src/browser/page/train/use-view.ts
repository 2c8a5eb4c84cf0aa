/** A finished task in use: a text to try it on, its folder as a zip, the command that puts it live. */
import type { RunEnd } from "../../train/calls.ts";
import type { Training } from "../../train/training.ts";
import { zipOf } from "../../train/zip.ts";
import { showResult } from "../answer-views.ts";
import { copyText } from "../copy.ts";
import { el, fill } from "../element.ts";
import { pushCommand } from "./names.ts";

type Finished = Extract<RunEnd, { readonly isDone: true }>;

/** Name of the base that comes with the project: `push` needs to be told of any other. */
const BUNDLED_BASE = "pocket";

export function showUse(finished: Finished, training: Pick<Training, "tryOut">): HTMLElement {
  return el("div", { class: "train-use" }, showTry(finished, training), showFolder(finished));
}

function showTry(
  { task, facts, takesPairs }: Finished,
  training: Pick<Training, "tryOut">,
): HTMLElement {
  const text = el("textarea", { rows: "3", dir: "auto", spellcheck: "false", required: true });
  const pair = el("textarea", { rows: "2", dir: "auto", spellcheck: "false", required: true });
  const answer = el("div", { role: "status" });
  const shown = {
    type: facts.type,
    problem_type: facts.problemType,
    labels: [...facts.labels],
    thresholds: null,
  };
  const ask = async (): Promise<void> => {
    try {
      const { result } = await training.tryOut(text.value, takesPairs ? pair.value : null);
      fill(answer, showResult(shown, text.value, result));
    } catch (error) {
      fill(answer, el("p", { class: "problem", text: (error as Error).message }));
    }
  };
  return el(
    "form",
    {
      class: "train-try",
      on: {
        submit: (event) => {
          event.preventDefault();
          void ask();
        },
      },
    },
    el("h4", { text: "Try it" }),
    el("label", { class: "train-field" }, el("span", { text: `A text for ${task}` }), text),
    takesPairs && el("label", { class: "train-field" }, el("span", { text: "Second text" }), pair),
    el("button", { type: "submit", class: "primary", text: "Ask" }),
    answer,
  );
}

function showFolder({ task, base, version, files }: Finished): HTMLElement {
  const zip = zipOf(
    files.map(({ name, bytes }) => ({ name: `${task}/${name}`, bytes })),
    new Date(),
  );
  const command = pushCommand(task, base === BUNDLED_BASE ? null : base);
  return el(
    "div",
    { class: "train-folder" },
    el("h4", { text: "Take it home" }),
    el(
      "p",
      { class: "note" },
      `${task}, version ${version}: ${files.map(({ name }) => name).join(", ")}. The report holds texts of your rows, and so stays yours to pass on.`,
    ),
    el("a", {
      class: "button",
      href: URL.createObjectURL(new Blob([zip], { type: "application/zip" })),
      download: `${task}.zip`,
      text: `Download ${task}.zip (${Math.ceil(zip.byteLength / 1000)} kB)`,
    }),
    el("p", { text: "Unpack it in your project, then put it live:" }),
    el(
      "div",
      { class: "code" },
      el("pre", {}, el("code", { text: command })),
      el("button", {
        type: "button",
        class: "quiet",
        text: "Copy",
        on: {
          click: ({ currentTarget }) => void copyText(currentTarget as HTMLButtonElement, command),
        },
      }),
    ),
  );
}
