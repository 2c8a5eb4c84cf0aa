/** The request as code, one language at a time, with a button that copies it. */
import { copyText } from "./copy.ts";
import { byId, el, fill } from "./element.ts";
import { LANGUAGES, snippetOf } from "./snippets.ts";
import type { Language, Shown } from "./snippets.ts";

/** Returns what shows another request. */
export function createSnippets(): (shown: Shown) => void {
  let language: Language = "curl";
  let shown: Shown | null = null;
  const code = el("code");
  const choices = LANGUAGES.map((name) => {
    const input = el("input", {
      type: "radio",
      name: "language",
      value: name,
      on: {
        change: () => {
          language = name;
          update();
        },
      },
    });
    input.checked = name === language;
    return el("label", {}, input, el("span", { text: name }));
  });
  const copy = el("button", {
    type: "button",
    class: "quiet",
    text: "Copy code",
    on: { click: () => void copyText(copy, code.textContent ?? "") },
  });
  fill(
    byId("snippets"),
    el(
      "div",
      { class: "row" },
      el(
        "fieldset",
        { class: "where" },
        el("legend", { class: "visually-hidden", text: "Language" }),
        ...choices,
      ),
      copy,
    ),
    el("pre", { tabindex: "0", role: "group", "aria-label": "Code" }, code),
  );

  function update(): void {
    code.textContent = shown ? snippetOf(language, shown) : "";
  }
  return (next) => {
    shown = next;
    update();
  };
}
