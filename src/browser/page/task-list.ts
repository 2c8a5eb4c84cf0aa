/** The list of tasks: a name asks that task alone, its box adds the task to those that are asked. */
import { isBroken } from "./client.ts";
import type { ListedTask } from "./client.ts";
import { byId, el, fill } from "./element.ts";
import { labelsLine, scoreOf } from "./task-facts.ts";

export interface TaskListEvents {
  /** Asks this task alone. */
  only(task: string): void;
  /** Adds a task to those that are asked, or takes it away. */
  toggle(task: string, isOn: boolean): void;
}

export interface TaskList {
  /** Shows what there is; `fresh` are tasks or versions that the list did not have before. */
  show(tasks: readonly ListedTask[], fresh: ReadonlySet<string>): void;
  /** Marks the tasks that are asked. */
  choose(chosen: readonly string[]): void;
}

/** From this many tasks on, a field finds them by a part of their names. */
const FILTER_FROM = 12;

export function createTaskList(events: TaskListEvents): TaskList {
  const root = byId("task-list");
  let chosen: readonly string[] = [];
  const filter = el("input", {
    type: "search",
    class: "filter",
    placeholder: "Find a task",
    "aria-label": "Find a task",
    on: { input: () => applyFilter() },
  });
  root.before(filter);
  filter.hidden = true;

  function applyFilter(): void {
    const wanted = filter.value.trim().toLowerCase();
    for (const item of root.children) {
      (item as HTMLElement).hidden = !(item.getAttribute("data-task") ?? "").includes(wanted);
    }
  }

  function mark(): void {
    for (const item of root.children) {
      const isOn = chosen.includes(item.getAttribute("data-task") ?? "");
      item.classList.toggle("chosen", isOn);
      const box = item.querySelector("input");
      if (box) box.checked = isOn;
      item.querySelector("button")?.setAttribute("aria-pressed", String(isOn));
    }
  }

  return {
    show(tasks, fresh) {
      const focused = document.activeElement?.id;
      fill(root, ...tasks.map((task) => itemOf(task, fresh.has(task.task), events)));
      filter.hidden = tasks.length < FILTER_FROM;
      applyFilter();
      mark();
      if (focused) document.getElementById(focused)?.focus();
    },
    choose(tasks) {
      chosen = tasks;
      mark();
    },
  };
}

function itemOf(task: ListedTask, isFresh: boolean, events: TaskListEvents): HTMLLIElement {
  const name = task.task;
  if (isBroken(task)) {
    return el(
      "li",
      { class: "task broken", "data-task": name },
      el("span", { class: "task-name" }, el("b", { text: name }), tag("cannot answer")),
      el("p", { class: "note", text: `${task.error.detail} (${task.error.code})` }),
    );
  }
  const box = el("input", {
    type: "checkbox",
    id: `with-${name}`,
    "aria-label": `Ask ${name}, too`,
    on: { change: () => events.toggle(name, box.checked) },
  });
  const score = scoreOf(task);
  return el(
    "li",
    { class: "task", "data-task": name },
    box,
    el(
      "button",
      {
        type: "button",
        id: `only-${name}`,
        class: "task-name",
        on: { click: () => events.only(name) },
      },
      el(
        "span",
        { class: "task-title" },
        el("b", { text: name }),
        isFresh && tag("new", "fresh"),
        task.canary && tag(`canary ${task.canary.percent} %`),
        task.is_stale === true && tag("stale"),
      ),
      score && el("span", { class: "task-score", title: score.name, text: score.value }),
      el("span", { class: "task-about", text: task.description ?? labelsLine(task) }),
    ),
  );
}

const tag = (text: string, kind = ""): HTMLElement => el("small", { class: `tag ${kind}`, text });
