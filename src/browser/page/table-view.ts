/** A whole table: a file is dropped, a column chosen, and answers stream into the rows. */
import type { Answer, Question } from "./bulk.ts";
import { ServerError } from "./client.ts";
import type { TaskDescription } from "./client.ts";
import { byId, el, fill } from "./element.ts";
import {
  answerCells,
  answerColumns,
  answerInShort,
  pairColumn,
  readTable,
  textColumn,
  writeCsv,
} from "./table.ts";
import type { CellOutcome, TextTable } from "./table.ts";

/** What the page gives to its table. */
export interface TableDeps {
  /** The tasks that are asked about each row. */
  chosen(): readonly TaskDescription[];
  readonly comparesTexts: (task: TaskDescription) => boolean;
  /** Whether this browser answers, or the Worker. */
  isLocal(): boolean;
  /** Answers questions where the page runs them. */
  ask(questions: readonly Question[], signal: AbortSignal): AsyncGenerator<Answer>;
}

/** Rows that the page shows; the file that it gives has all of them. */
const SHOWN_ROWS = 100;
const MAX_FILE_BYTES = 50_000_000;
/** How often the count of answered rows is shown anew. */
const SHOW_EVERY_MS = 200;
const SHOWN_PROBLEMS = 3;

/** Returns what is called when other tasks are chosen. */
export function createTable({ chosen, comparesTexts, isLocal, ask }: TableDeps): () => void {
  let table: (TextTable & { readonly name: string }) | null = null;
  let run: { readonly abort: AbortController; readonly tasks: readonly TaskDescription[] } | null =
    null;
  /** Answers of the last run: by row, then by task. */
  let outcomes: (CellOutcome | undefined)[][] = [];
  let askedTasks: readonly TaskDescription[] = [];

  const file = el("input", {
    type: "file",
    id: "file",
    class: "visually-hidden",
    accept: ".csv,.tsv,.txt,text/csv",
    on: { change: () => void (file.files?.[0] && open(file.files[0])) },
  });
  const drop = el(
    "div",
    { class: "drop" },
    file,
    el("label", { for: "file", class: "button", text: "Choose a csv file" }),
    el("span", { class: "note", text: "or drop one here" }),
  );
  const note = el("p", { class: "note", role: "status" });
  const choices = el("div", { class: "row choices" });
  const progress = el("progress", { "aria-label": "Answered rows" });
  const start = el("button", { type: "button", class: "primary", on: { click: () => void go() } });
  const stop = el("button", {
    type: "button",
    text: "Stop",
    on: { click: () => run?.abort.abort() },
  });
  const save = el("button", { type: "button", text: "Download csv", on: { click: download } });
  const actions = el("div", { class: "row" }, start, stop, save, progress);
  const preview = el("div", {
    class: "scroll",
    tabindex: "0",
    role: "group",
    "aria-label": "Rows",
  });
  fill(byId("table-root"), drop, note, choices, actions, preview);
  show();

  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      const [dropped] = (event as DragEvent).dataTransfer?.files ?? [];
      if (name === "drop" && dropped) void open(dropped);
    });
  }

  async function open(given: File): Promise<void> {
    run?.abort.abort();
    if (given.size > MAX_FILE_BYTES) {
      const megabytes = Math.round(given.size / 1e6);
      note.textContent = `${given.name}: has ${megabytes} MB, the page reads up to ${MAX_FILE_BYTES / 1e6}`;
      return;
    }
    const read = readTable(await given.text());
    table = { ...read, name: given.name };
    outcomes = [];
    askedTasks = [];
    const { rows, columns, problems } = read;
    const left =
      problems.length > 0 ? `; left out: ${problems.slice(0, SHOWN_PROBLEMS).join("; ")}` : "";
    const more = problems.length > SHOWN_PROBLEMS ? " and others" : "";
    note.textContent = `${given.name}: ${amount(rows.length, "row")}, ${amount(columns.length, "column")}${left}${more}`;
    fill(
      choices,
      columnChoice("text-column", "Text", columns, textColumn(read), false),
      columnChoice("pair-column", "Second text", columns, pairColumn(read), true),
    );
    show();
  }

  /** Everything that depends on the file, the chosen tasks, or whether it runs. */
  function show(): void {
    const names = chosen().map(({ task }) => task);
    const hasRows = (table?.rows.length ?? 0) > 0;
    choices.hidden = !hasRows;
    actions.hidden = !hasRows;
    preview.hidden = !hasRows;
    start.textContent = `Ask ${names.join(", ")} ${isLocal() ? "in this browser" : "at the edge"}`;
    start.hidden = run !== null;
    start.disabled = names.length === 0;
    stop.hidden = run === null;
    progress.hidden = run === null;
    save.hidden = outcomes.length === 0;
    const pair = document.getElementById("pair-column")?.parentElement;
    if (pair) pair.hidden = !chosen().some(comparesTexts);
    if (hasRows) showRows();
  }

  function showRows(): void {
    const { columns, rows } = table!;
    const tasks = run?.tasks ?? (askedTasks.length > 0 ? askedTasks : chosen());
    const text = columnOf("text-column");
    const head = [columns[text] ?? "", ...tasks.map(({ task }) => task)];
    const bodyRows = rows.slice(0, SHOWN_ROWS).map((fields, at) => {
      const own = el("td", { class: "cell-text", dir: "auto", text: fields[text] ?? "" });
      const row = el("tr", {}, own, ...tasks.map(() => el("td", { dir: "auto" })));
      showOutcomes(row, at, tasks);
      return row;
    });
    const names = head.map((name) => el("th", { scope: "col", text: name }));
    fill(
      preview,
      el("table", {}, el("thead", {}, el("tr", {}, ...names)), el("tbody", {}, ...bodyRows)),
      rows.length > SHOWN_ROWS &&
        el("p", {
          class: "note",
          text: `The first ${SHOWN_ROWS} of ${amount(rows.length, "row")}; the download has all.`,
        }),
    );
  }

  /** Writes what is known of a row into its cells. */
  function showOutcomes(
    row: HTMLTableRowElement,
    at: number,
    tasks: readonly TaskDescription[],
  ): void {
    tasks.forEach((task, i) => {
      const cell = row.cells[i + 1];
      if (cell) cell.textContent = answerInShort(task, outcomes[at]?.[i]);
    });
  }

  async function go(): Promise<void> {
    if (!table) return;
    const own = { abort: new AbortController(), tasks: chosen() };
    const { tasks, abort } = own;
    const { rows } = table;
    run = own;
    askedTasks = tasks;
    outcomes = rows.map(() => []);
    show();
    const { questions, places } = questionsOf(rows, tasks);
    progress.max = questions.length;
    progress.value = 0;
    const startedAt = performance.now();
    let answered = 0;
    let shownAt = 0;
    const tell = (state: string): void => {
      const share = `${Math.floor(answered / tasks.length).toLocaleString("en")} of ${amount(rows.length, "row")}`;
      const seconds = (performance.now() - startedAt) / 1_000;
      const rate = seconds > 1 ? `, ${Math.round(answered / seconds)} answers a second` : "";
      note.textContent = `${state} ${share}${rate}`;
    };
    try {
      for await (const { index, outcome } of ask(questions, abort.signal)) {
        const { row, task } = places[index]!;
        outcomes[row]![task] = outcome;
        progress.value = ++answered;
        const shown = preview.querySelectorAll<HTMLTableRowElement>("tbody tr")[row];
        if (shown) showOutcomes(shown, row, tasks);
        if (performance.now() - shownAt > SHOW_EVERY_MS) {
          shownAt = performance.now();
          tell("Answered");
        }
      }
      tell("Done:");
    } catch (error) {
      if (abort.signal.aborted) tell("Stopped after");
      else if (error instanceof ServerError) {
        note.textContent = `${error.message} (${error.code})`;
      } else throw error;
    } finally {
      if (run === own) run = null;
      show();
    }
  }

  /** A question a row and task; rows without a text are not asked. */
  function questionsOf(
    rows: TextTable["rows"],
    tasks: readonly TaskDescription[],
  ): { questions: Question[]; places: { row: number; task: number }[] } {
    const text = columnOf("text-column");
    const pair = columnOf("pair-column");
    const questions: Question[] = [];
    const places: { row: number; task: number }[] = [];
    rows.forEach((fields, row) => {
      const first = fields[text] ?? "";
      const second = fields[pair] ?? "";
      if (first.trim() === "") return;
      tasks.forEach((described, task) => {
        const isPair = comparesTexts(described) && second.trim() !== "";
        const inputs = isPair ? { text: first, text_pair: second } : first;
        questions.push({ task: described.task, type: described.type, inputs });
        places.push({ row, task });
      });
    });
    return { questions, places };
  }

  function download(): void {
    if (!table) return;
    const { columns, rows, name } = table;
    const records = [
      [...columns, ...askedTasks.flatMap(answerColumns)],
      ...rows.map((row, at) => [
        ...row,
        ...askedTasks.flatMap((task, i) => answerCells(task, outcomes[at]?.[i])),
      ]),
    ];
    const url = URL.createObjectURL(new Blob([writeCsv(records)], { type: "text/csv" }));
    el("a", { href: url, download: name.replace(/(?:\.\w+)?$/, "-answers.csv") }).click();
    URL.revokeObjectURL(url);
  }

  choices.addEventListener("change", () => show());
  return show;
}

function columnChoice(
  id: string,
  label: string,
  columns: readonly string[],
  chosen: number,
  mayBeNone: boolean,
): HTMLElement {
  const option = (text: string, at: number) => {
    const item = el("option", { value: String(at), text });
    item.selected = at === chosen;
    return item;
  };
  return el(
    "span",
    { class: "choice" },
    el("label", { for: id, text: `${label} ` }),
    el("select", { id }, mayBeNone && option("none", -1), ...columns.map(option)),
  );
}

/** The column that a choice stands at; -1 where there is none. */
const columnOf = (id: string): number =>
  Number((document.getElementById(id) as HTMLSelectElement | null)?.value ?? -1);

const amount = (count: number, of: string): string =>
  `${count.toLocaleString("en")} ${of}${count === 1 ? "" : "s"}`;
