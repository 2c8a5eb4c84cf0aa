/** What a person may choose before a run, with what the recipe chooses and why. */
import { METHODS, isServed } from "../../../learn/methods.ts";
import { NO_CHOICES } from "../../train/calls.ts";
import type { Choices, Look } from "../../train/calls.ts";
import { el } from "../element.ts";

export interface ChoicesView {
  readonly element: HTMLElement;
  /** What is chosen now. */
  read(): { readonly name: string; readonly choices: Choices };
}

const TYPES = { sequence: "a label for each text", token: "a tag for each word" } as const;
const PROBLEMS = {
  single_label_classification: "one label",
  multi_label_classification: "any number of labels",
  regression: "a number",
} as const;

/** Builds the form; `change` is called after each choice that the data has to be looked at again for. */
export function createChoices(
  { start, prepared }: Look,
  {
    name,
    choices,
    isOpen,
  }: {
    readonly name: string;
    readonly choices: Choices;
    /** Whether the settings are shown that few people need. */
    readonly isOpen: boolean;
  },
  change: () => void,
): ChoicesView {
  const nameField = el("input", {
    type: "text",
    value: name,
    required: true,
    maxlength: "64",
    spellcheck: "false",
    autocomplete: "off",
  });
  const found = "failure" in prepared ? null : prepared;
  const columns = (given: string | null, known: string | null, isOptional: boolean) =>
    select(start.columns, given ?? known, isOptional ? "none" : "choose", change);
  const text = columns(choices.textColumn, start.text, false);
  const pair = columns(choices.pairColumn, start.pair, true);
  const label = columns(choices.labelColumn, start.label, false);
  const type = named(TYPES, choices.type ?? found?.type ?? null, change);
  const problem = named(PROBLEMS, choices.problemType ?? found?.problemType ?? null, change);
  const served = METHODS.filter(isServed);
  const method = select(served, choices.method, "by the number of rows", change);
  const epochs = number(choices.epochs, { min: "1", max: "1000", step: "1" }, change);
  const rate = number(choices.learningRate, { min: "0", step: "any" }, change);
  const seed = number(choices.seed, { min: "0", step: "1" }, change);
  const hasColumns = start.columns.length > 0;
  const isToken = (choices.type ?? found?.type) === "token";
  const element = el(
    "div",
    { class: "train-choices" },
    field("Name of the task", nameField),
    hasColumns && !isToken && field("Text", text),
    hasColumns && !isToken && field("Label", label),
    hasColumns && !isToken && field("Second text", pair),
    hasColumns && field("Answers with", type),
    !isToken && field("Each text has", problem),
    el(
      "details",
      { class: "more", open: isOpen },
      el("summary", { text: "More settings" }),
      el(
        "div",
        { class: "train-choices" },
        field("Method", method),
        field("Epochs", epochs),
        field("Learning rate", rate),
        field("Seed", seed),
      ),
    ),
  );
  /** What differs from what the file says anyway. */
  const other = (value: string, known: string | null): string | null =>
    value === "" || value === known ? null : value;
  return {
    element,
    read: () => ({
      name: nameField.value.trim(),
      choices: {
        ...NO_CHOICES,
        textColumn: other(text.value, start.text),
        pairColumn: other(pair.value, start.pair),
        labelColumn: other(label.value, start.label),
        type: (other(type.value, found?.type ?? null) ?? choices.type) as Choices["type"],
        problemType: (other(problem.value, found?.problemType ?? null) ??
          choices.problemType) as Choices["problemType"],
        method: (method.value === "" ? null : method.value) as Choices["method"],
        epochs: epochs.value === "" ? null : Number(epochs.value),
        learningRate: rate.value === "" ? null : Number(rate.value),
        seed: Number(seed.value),
      },
    }),
  };
}

/** The settings of the run that would be made, each with its reason. */
export const showSettings = (look: Look): HTMLElement | null =>
  "failure" in look.prepared
    ? null
    : el(
        "div",
        {},
        el("h4", { id: "train-how", text: "How it will be trained" }),
        el(
          "ul",
          { class: "train-settings", "aria-labelledby": "train-how" },
          ...look.prepared.settings.map(({ text, reason, more = "" }) =>
            el(
              "li",
              {},
              el("b", { text: `${text}${more}` }),
              reason !== null && el("span", { text: reason }),
            ),
          ),
        ),
      );

/** A control with its label; its id is that of its name, by which it is found again. */
function field(label: string, control: HTMLElement): HTMLElement {
  control.id = `train-${label.toLowerCase().replaceAll(" ", "-")}`;
  return el("label", { class: "train-field" }, el("span", { text: label }), control);
}

/** A choice of names; `none` stands for no choice. */
function select(
  names: readonly string[],
  chosen: string | null,
  none: string,
  change: () => void,
): HTMLSelectElement {
  const options = [
    el("option", { value: "", text: none }),
    ...names.map((name) => el("option", { value: name, text: name, selected: name === chosen })),
  ];
  return el("select", { on: { change } }, ...options);
}

/** A choice of values with names for people. */
const named = (
  titles: Readonly<Record<string, string>>,
  chosen: string | null,
  change: () => void,
): HTMLSelectElement =>
  el(
    "select",
    { on: { change } },
    ...Object.entries(titles).map(([value, text]) =>
      el("option", { value, text, selected: value === chosen }),
    ),
  );

const number = (
  value: number | null,
  bounds: Readonly<Record<string, string>>,
  change: () => void,
): HTMLInputElement =>
  el("input", {
    type: "number",
    value: value === null ? "" : String(value),
    placeholder: "by the data",
    ...bounds,
    on: { change },
  });
