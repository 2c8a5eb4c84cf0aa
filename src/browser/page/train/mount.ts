/**
 * Training in the page: a file is dropped, looked at, trained on, and becomes a task folder, all in
 * this browser. What the part knows is in `state`; every change is shown from there.
 */
import { isName } from "../../../core/format/keys.ts";
import { NO_CHOICES } from "../../train/calls.ts";
import type { GivenFile, Look, RunEnd, TrainingRequest } from "../../train/calls.ts";
import { openRunStorage } from "../../train/run-storage.ts";
import { openTraining } from "../../train/training.ts";
import type { Training } from "../../train/training.ts";
import { el, fill } from "../element.ts";
import { createChoices, showSettings } from "./choices-view.ts";
import type { ChoicesView } from "./choices-view.ts";
import { showData } from "./data-view.ts";
import { taskName } from "./names.ts";
import { showEvaluation } from "./result-view.ts";
import { createRunView } from "./run-view.ts";
import { showUse } from "./use-view.ts";

export interface TrainingDeps {
  /** Address of the Worker or the static folder that the page belongs to. */
  readonly root: string;
  /** The API key that was typed; empty where none is needed. */
  readonly key: () => string;
}

const MAX_FILE_BYTES = 100_000_000;
const ACCEPTED = ".csv,.tsv,.jsonl,.ndjson,.conll,.bio,.iob,.txt,.gz";

/** Fills `root` with the part of the page that trains, and shows it. */
export function mountTraining(root: HTMLElement, { root: from, key }: TrainingDeps): void {
  let opening: Promise<Training> | null = null;
  let request: TrainingRequest | null = null;
  let choices: ChoicesView | null = null;
  let isRunning = false;
  /** Looks that are under way: only the last one is shown. */
  let looks = 0;

  const status = el("p", { class: "note", role: "status" });
  const unfinished = el("div", { class: "train-unfinished" });
  const data = el("div", { class: "train-panels" });
  const run = el("div", { class: "train-panels" });
  const result = el("div", { class: "train-panels" });
  const fileField = el(
    "div",
    { class: "drop" },
    ...filePicker("train-file", "Choose a data file", (file) => void openFile(file)),
    el("span", { class: "note", text: "or drop one here" }),
  );
  fill(
    root,
    el("h2", { id: "train-title", text: "Train a task of your own" }),
    el("p", {
      class: "lead",
      text: "Drop a csv, tsv, jsonl or conll file with texts and labels. The model learns here, in your browser: no row and no task leaves this machine.",
    }),
    fileField,
    unfinished,
    status,
    data,
    run,
    result,
  );
  root.hidden = false;
  for (const name of ["dragover", "dragleave", "drop"]) {
    fileField.addEventListener(name, (event) => {
      event.preventDefault();
      fileField.classList.toggle("over", name === "dragover");
      const [dropped] = (event as DragEvent).dataTransfer?.files ?? [];
      if (name === "drop" && dropped) void openFile(dropped);
    });
  }
  void showUnfinished();

  /** The Web Worker with the base, loaded once. */
  function training(): Promise<Training> {
    opening ??= openTraining({
      from,
      apiKey: key() === "" ? undefined : key(),
      onProgress: ({ bytes, total }) => {
        status.textContent = `Loading the model: ${megabytes(bytes)} of ${megabytes(total)} MB ..`;
      },
    }).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  }

  async function openFile(file: File): Promise<void> {
    if (isRunning) return;
    if (file.size > MAX_FILE_BYTES) {
      showError(
        new Error(
          `${file.name}: has ${megabytes(file.size)} MB; the page reads up to ${megabytes(MAX_FILE_BYTES)}, the command line any number`,
        ),
      );
      return;
    }
    fill(run);
    fill(result);
    request = {
      name: taskName(file.name),
      file: await given(file),
      evaluation: null,
      choices: NO_CHOICES,
    };
    await look();
  }

  /** Looks at the data with what is chosen now. */
  async function look(): Promise<void> {
    if (!request) return;
    const own = ++looks;
    const asked = request;
    try {
      status.textContent = `Reading ${asked.file.name} ..`;
      const found = await (await training()).look(asked);
      if (own !== looks) return;
      status.textContent = "";
      showLook(asked, found);
    } catch (error) {
      if (own === looks) showError(error);
    }
  }

  function showLook(asked: TrainingRequest, found: Look): void {
    const start = el("button", {
      type: "submit",
      class: "primary",
      text: "Train",
      disabled: "failure" in found.prepared,
    });
    const isOpen = data.querySelector<HTMLDetailsElement>("form details")?.open ?? false;
    const focused = document.activeElement?.id ?? "";
    choices = createChoices(found, { ...asked, isOpen }, () => {
      takeChoices();
      void look();
    });
    const form = el(
      "form",
      {
        class: "panel",
        "aria-label": "How to train",
        on: {
          submit: (event) => {
            event.preventDefault();
            takeChoices();
            if (isName(request!.name)) void train(request);
            else {
              showError(
                new Error(
                  `${request!.name}: is no name of a task; allowed are 1 to 64 of a-z 0-9 . _ - with a letter or digit at both ends`,
                ),
              );
            }
          },
        },
      },
      choices.element,
      evaluationField(asked),
      showSettings(found),
      start,
    );
    fill(data, el("div", { class: "panel" }, showData(asked.file.name, found)), form);
    // The form is another one now: a person who went through it by keyboard stays in its place.
    if (focused !== "" && document.activeElement === document.body) {
      document.getElementById(focused)?.focus();
    }
  }

  /** Rows of their own to measure on, where a person has them. */
  function evaluationField({ evaluation }: TrainingRequest): HTMLElement {
    const take = (file: File): void => {
      void given(file).then((bytes) => {
        takeChoices();
        request = { ...request!, evaluation: bytes };
        return look();
      });
    };
    return el(
      "div",
      { class: "train-evaluation-file" },
      ...filePicker("train-evaluation", "Measure on another file", take),
      evaluation !== null && el("span", { class: "note", text: evaluation.name }),
    );
  }

  function takeChoices(): void {
    if (request && choices) request = { ...request, ...choices.read() };
  }

  /** Trains; null goes on with the unfinished run. */
  async function train(asked: TrainingRequest | null): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    fill(unfinished);
    fill(result);
    try {
      const opened = await training();
      status.textContent = "";
      const view = createRunView(asked?.name ?? "the unfinished run", () => void opened.stop());
      fill(run, el("div", { class: "panel whole" }, view.element));
      for (const control of data.querySelectorAll<HTMLButtonElement>("button.primary")) {
        control.disabled = true;
      }
      const end = await opened.train(asked, view.show);
      fill(run);
      if (end.isDone) showFinished(end, opened);
      else {
        status.textContent = `Stopped after step ${end.step}; nothing is lost.`;
        await showUnfinished();
      }
    } catch (error) {
      fill(run);
      showError(error);
      await showUnfinished();
    } finally {
      isRunning = false;
      for (const control of data.querySelectorAll<HTMLButtonElement>("button.primary")) {
        control.disabled = false;
      }
    }
  }

  function showFinished(end: Extract<RunEnd, { isDone: true }>, opened: Training): void {
    status.textContent = `${end.task} is trained.`;
    const heading = el("h3", { tabindex: "-1", text: end.task });
    fill(
      result,
      el("div", { class: "panel" }, heading, showEvaluation(end.facts)),
      el("div", { class: "panel" }, showUse(end, opened)),
    );
    heading.focus();
  }

  /** Offers to go on with a run that was stopped, or whose page was closed. */
  async function showUnfinished(): Promise<void> {
    const storage = await openRunStorage(withSlash(from)).catch(() => null);
    const kept = await storage?.request();
    if (!storage || !kept) return fill(unfinished);
    const told = (what: string): HTMLElement =>
      el("p", {}, "A run of ", el("b", { text: kept.name }), ` on ${kept.file.name} ${what}.`);
    if (!(await storage.isFree())) {
      void storage.whenFree().then(showUnfinished);
      return fill(unfinished, told("is under way in another tab"));
    }
    fill(
      unfinished,
      told("is not finished"),
      el("button", {
        type: "button",
        class: "primary",
        text: "Go on",
        on: { click: () => void train(null) },
      }),
      el("button", {
        type: "button",
        text: "Drop it",
        on: {
          click: () =>
            void storage.exclusively(() => storage.drop()).then(showUnfinished, showError),
        },
      }),
    );
  }

  function showError(error: unknown): void {
    const { message, code } = error as { readonly message: string; readonly code?: string };
    fill(
      status,
      el(
        "span",
        { class: "problem", role: "alert" },
        message,
        code !== undefined && el("code", { text: ` ${code}` }),
      ),
    );
  }
}

/** A file field that looks like a button. */
function filePicker(id: string, label: string, take: (file: File) => void): HTMLElement[] {
  const input = el("input", {
    type: "file",
    id,
    class: "visually-hidden",
    accept: ACCEPTED,
    on: {
      change: () => {
        const [file] = input.files ?? [];
        if (file) take(file);
        // The same file may be chosen again after it was changed.
        input.value = "";
      },
    },
  });
  return [input, el("label", { for: id, class: "button", text: label })];
}

const given = async (file: File): Promise<GivenFile> => ({
  name: file.name,
  bytes: new Uint8Array(await file.arrayBuffer()),
});

const withSlash = (address: string): string => (address.endsWith("/") ? address : `${address}/`);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
