/** Elements of the page: one function that makes them, so that no text ever becomes markup. */

type Child = Node | string | number | null | undefined | false;

/** Attributes by their names; `on` holds listeners, `text` is the content, false leaves an attribute out. */
export interface Attributes {
  readonly text?: string;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
  /** Custom properties of the style: the policy of the page allows no style attribute. */
  readonly vars?: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

/** Makes an HTML element with its attributes, listeners and children. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { text, on, vars, ...attributes }: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, value] of Object.entries(vars ?? {})) {
    element.style.setProperty(`--${name}`, value);
  }
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  if (text !== undefined) element.textContent = text;
  append(element, children);
  return element;
}

/** Something wide that scrolls by itself, with the keyboard too. */
export const scrolling = (label: string, content: HTMLElement): HTMLElement =>
  el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, content);

/** Replaces what an element contains. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** The element of the document with an id; throws a TypeError where index.html has none. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new TypeError(`index.html: has no element with the id "${id}"`);
  return found as T;
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
}
