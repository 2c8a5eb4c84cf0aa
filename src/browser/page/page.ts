/**
 * The page at "/": tasks, a text, answers. This file joins the parts; each part shows one thing. What
 * the page knows is in one place, `state`; a change goes there first and is shown from there.
 */
import { showCard, showProblem } from "./answer-cards.ts";
import type { ShownAnswer } from "./answer-cards.ts";
import { askAll } from "./bulk.ts";
import { ServerError, createClient, isBroken } from "./client.ts";
import type { Answered, ListedTask, TaskDescription } from "./client.ts";
import { copyText } from "./copy.ts";
import { byId, el, fill } from "./element.ts";
import { chipsOf } from "./examples.ts";
import type { Chip } from "./examples.ts";
import { firstTasks } from "./first-choice.ts";
import { WHERES, readLink, writeLink } from "./link.ts";
import type { Where } from "./link.ts";
import { createLocalPanel } from "./local-panel.ts";
import { createLocal } from "./local.ts";
import { callOf } from "./request.ts";
import type { Ask } from "./request.ts";
import { createSnippets } from "./snippets-view.ts";
import { createTaskList } from "./task-list.ts";
import { createTable } from "./table-view.ts";
import { showTime } from "./time-view.ts";
import { keepOffline } from "../offline/keep.ts";

/** The Worker's routes stand below the address of this page, wherever it is mounted. */
const root = `${location.origin}${location.pathname.replace(/\/+$/, "")}`;
/** A look at the tasks is worth a request again after this, when the page is looked at again. */
const FRESH_MS = 5_000;
/** Tasks that a first visit looks at, to find some for the same kind of text. */
const FIRST_LOOK = 8;

interface State {
  tasks: readonly ListedTask[];
  chosen: readonly string[];
  /** Tasks with their examples, by name and version. */
  readonly described: Map<string, TaskDescription>;
  /** What the last run answered, by task. */
  answers: ReadonlyMap<string, readonly ShownAnswer[]>;
  /** The text that it answered. */
  answeredText: string;
  where: Where;
  key: string;
  needsKey: boolean;
  listedAt: number;
}

const state: State = {
  tasks: [],
  chosen: [],
  described: new Map(),
  answers: new Map(),
  answeredText: "",
  where: "edge",
  key: "",
  needsKey: false,
  listedAt: -Infinity,
};

const client = createClient(root, () => state.key);
const local = createLocal(root, () => state.key);
const panel = createLocalPanel(local);
const form = byId<HTMLFormElement>("form");
const text = byId<HTMLTextAreaElement>("text");
const pair = byId<HTMLTextAreaElement>("pair");
const pairField = byId("pair-field");
const status = byId("status");
const showSnippets = createSnippets();
const taskList = createTaskList({
  only: (task) => void choose([task]),
  toggle: (task, isOn) =>
    void choose(isOn ? [...state.chosen, task] : state.chosen.filter((name) => name !== task)),
});
const showTable = createTable({
  chosen: chosenTasks,
  comparesTexts,
  isLocal: () => state.where === "browser",
  async *ask(questions, signal) {
    if (state.where !== "browser") yield* askAll(client, questions, signal, pause);
    else {
      await panel.load();
      yield* local.askAll(questions, signal);
    }
  },
});
let running: AbortController | null = null;

/** The tasks that are asked, with their examples where those are known. */
function chosenTasks(): TaskDescription[] {
  return state.chosen.map(describedTask).filter((task) => task !== null);
}

/** What is known of a task; null where it is not listed, or cannot answer. */
function describedTask(name: string): TaskDescription | null {
  const task = state.tasks.find((item) => item.task === name);
  if (!task || isBroken(task)) return null;
  const details = state.described.get(`${name}@${task.version}`);
  // A canary comes and goes without another current version: the list is what is true of it.
  return details ? { ...details, canary: undefined, ...task } : task;
}

function comparesTexts({ examples }: TaskDescription): boolean {
  return examples?.some((example) => example.text_pair !== undefined) ?? false;
}

const asksOf = (tasks: readonly TaskDescription[]): Ask[] =>
  tasks.map((task) => ({ task: task.task, type: task.type, takesPair: comparesTexts(task) }));

const textsOf = () => ({ text: text.value, pair: pairField.hidden ? "" : pair.value });

/** Reads the list of tasks anew; returns whether that worked. */
async function refresh(): Promise<boolean> {
  state.listedAt = performance.now();
  const known = new Map(state.tasks.map((task) => [task.task, task]));
  try {
    const { tasks, note } = await listTasks();
    const fresh = tasks.filter((task) => {
      const before = known.get(task.task);
      if (!before) return known.size > 0;
      return !isBroken(task) && !isBroken(before) && task.version !== before.version;
    });
    state.tasks = tasks;
    byId("door").hidden = true;
    byId("tasks-note").textContent = note;
    taskList.show(tasks, new Set(fresh.map(({ task }) => task)));
    showFacts();
    return true;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    fill(byId("tasks-note"), showProblem({ code: error.code, detail: error.message }));
    if (error.status === 401) askForKey();
    return false;
  }
}

/**
 * The server's tasks. Where it cannot be reached and nothing is listed yet, those that this browser can
 * answer by itself, which then does.
 */
async function listTasks(): Promise<{ tasks: readonly ListedTask[]; note: string }> {
  try {
    const tasks = await client.listTasks();
    const none = "No task yet: train one, and push it; it appears here.";
    return { tasks, note: tasks.length === 0 ? none : "" };
  } catch (error) {
    const isOffline = error instanceof ServerError && error.code === "network";
    const tasks = isOffline && state.tasks.length === 0 ? await local.tasks() : [];
    if (tasks.length === 0) throw error;
    setWhere("browser");
    const note = "The server cannot be reached: these are the tasks that this browser keeps.";
    return { tasks, note };
  }
}

function askForKey(): void {
  state.needsKey = true;
  byId("door").hidden = false;
}

/** The base, as the tasks name it. */
function showFacts(): void {
  const bases = new Set(state.tasks.flatMap((task) => (isBroken(task) ? [] : [task.base])));
  const count = state.tasks.filter((task) => !isBroken(task)).length;
  fill(
    byId("facts"),
    ...(count === 0
      ? []
      : [
          `Here: ${count} ${count === 1 ? "task" : "tasks"} on the base `,
          el("code", { text: [...bases].join(", ") }),
        ]),
  );
}

/** Asks these tasks from now on. */
async function choose(tasks: readonly string[]): Promise<void> {
  state.chosen = tasks;
  taskList.choose(tasks);
  showChosen();
  await describeTasks(tasks);
  showChosen();
}

/** Learns the examples of tasks; what cannot be learned is left out, and told when the task is asked. */
async function describeTasks(names: readonly string[]): Promise<TaskDescription[]> {
  const tasks = names.map(describedTask).filter((task) => task !== null);
  const unknown = tasks.filter(({ examples }) => examples === undefined);
  await Promise.all(
    unknown.map(async ({ task }) => {
      const found = await client.task(task).catch(() => null);
      if (found) state.described.set(`${task}@${found.version}`, found);
    }),
  );
  return names.map(describedTask).filter((task) => task !== null);
}

/** Everything that depends on which tasks are asked. */
function showChosen(): void {
  const tasks = chosenTasks();
  pairField.hidden = !tasks.some(comparesTexts) && pair.value === "";
  fill(byId("examples"), ...chipsOf(tasks).map(chipButton));
  byId<HTMLButtonElement>("run").disabled = tasks.length === 0;
  showAnswers();
  showCode();
  showTable();
}

function chipButton(chip: Chip): HTMLElement {
  const whole = chip.pair === "" ? chip.text : `${chip.text} / ${chip.pair}`;
  return el(
    "button",
    {
      type: "button",
      class: "chip",
      title: whole,
      on: {
        click: () => {
          text.value = chip.text;
          pair.value = chip.pair;
          void run();
        },
      },
    },
    el("bdi", { text: whole }),
  );
}

function showAnswers(): void {
  fill(
    byId("answers"),
    ...chosenTasks().map((task) =>
      showCard(task, state.answeredText, state.answers.get(task.task) ?? []),
    ),
  );
}

function showCode(): void {
  const asks = asksOf(chosenTasks());
  if (asks.length > 0) showSnippets({ root, needsKey: state.needsKey, ...callOf(asks, textsOf()) });
}

/** Asks the chosen tasks about the text. */
async function run(): Promise<void> {
  const tasks = chosenTasks();
  if (tasks.length === 0) return;
  running?.abort();
  const own = (running = new AbortController());
  const asks = asksOf(tasks);
  const texts = textsOf();
  saveLink();
  showCode();
  status.textContent = "Asking ..";
  form.classList.add("busy");
  const shown = new Map<string, ShownAnswer[]>();
  const times: string[] = [];
  const take = ({ answers, totalMs }: Answered, where: string): void => {
    for (const answer of answers) {
      shown.set(answer.task, [...(shown.get(answer.task) ?? []), { ...answer, where }]);
    }
    state.answers = shown;
    state.answeredText = texts.text;
    times.push(`${where} ${totalMs.toFixed(0)} ms`);
    const what = asks.length === 1 ? "Answered" : `${asks.length} tasks answered in one run`;
    status.textContent = `${what}: ${times.join(", ")}`;
    showAnswers();
  };
  try {
    fill(byId("time"));
    if (state.where !== "browser") {
      const answered = await client.predict(callOf(asks, texts), asks, own.signal);
      take(answered, "Edge");
      fill(byId("time"), showTime(answered.serverTiming, answered.totalMs));
    }
    if (state.where !== "edge") {
      await panel.load();
      own.signal.throwIfAborted();
      take(await local.predict(asks, texts, own.signal), `This browser, ${panel.name}`);
    }
  } catch (error) {
    if (own.signal.aborted) return;
    if (!(error instanceof ServerError)) throw error;
    fill(status, showProblem({ code: error.code, detail: error.message }));
    if (error.status === 401) askForKey();
  } finally {
    if (running === own) {
      running = null;
      form.classList.remove("busy");
    }
  }
}

function saveLink(): void {
  const link = writeLink({ tasks: state.chosen, ...textsOf(), where: state.where });
  history.replaceState(null, "", link);
}

function setWhere(where: Where): void {
  state.where = where;
  for (const input of form.querySelectorAll<HTMLInputElement>('input[name="where"]')) {
    input.checked = input.value === where;
  }
  panel.show(where);
  showTable();
}

/** Waits, unless the signal ends it. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1_000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Takes over what a link says, or what shows most at a first visit, and asks. */
async function open(): Promise<void> {
  const link = readLink(location.hash);
  text.value = link?.text ?? "";
  pair.value = link?.pair ?? "";
  setWhere(link?.where ?? state.where);
  if (!(await refresh())) return;
  const usable = state.tasks.flatMap((task) => (isBroken(task) ? [] : [task.task]));
  const wanted = link?.tasks.filter((name) => usable.includes(name)) ?? [];
  await choose(
    wanted.length > 0 ? wanted : firstTasks(await describeTasks(usable.slice(0, FIRST_LOOK))),
  );
  const [first] = chipsOf(chosenTasks());
  if (text.value === "" && first) {
    text.value = first.text;
    pair.value = first.pair;
  }
  if (text.value !== "") await run();
}

if (/Mac|iPhone|iPad/.test(navigator.userAgent)) {
  fill(byId("run").querySelector("kbd")!, "\u2318 \u21b5");
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void run();
  }
});
form.addEventListener("input", ({ target }) => {
  const { name, value } = target as HTMLInputElement;
  const where = WHERES.find((one) => one === value);
  if (name === "where" && where) setWhere(where);
  else showCode();
});
byId("refresh").addEventListener("click", () => void refresh().then(() => choose(state.chosen)));
byId("share").addEventListener("click", ({ currentTarget }) => {
  saveLink();
  void copyText(currentTarget as HTMLButtonElement, location.href);
});
byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  state.key = byId<HTMLInputElement>("key").value.trim();
  void open();
});
document.addEventListener("visibilitychange", () => {
  const isDue = performance.now() - state.listedAt > FRESH_MS;
  if (document.visibilityState === "visible" && isDue && !state.needsKey) void refresh();
});
window.addEventListener("hashchange", () => {
  if (readLink(location.hash)) void open();
});
for (const [id, path] of [
  ["docs-link", "/docs"],
  ["api-link", "/openapi.json"],
] as const) {
  byId<HTMLAnchorElement>(id).href = `${root}${path}`;
}
void open().then(() => keepOffline("page"));
