/**
 * HTML and SVG as text that cannot be injected into: `markup` escapes whatever it interpolates
 * unless that is markup itself, so a text of the data is always a text on the page.
 */

/** Text that is known to be markup. Only `markup` and `trusted` make it. */
export class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: lists are joined, nothing (null, undefined, false) is left out. */
export type Part = Markup | string | number | null | undefined | false | readonly Part[];

/** Tag of a template of HTML or SVG. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, string, i) => text + render(parts[i - 1]) + string));
}

/** Marks constant text of this program (a style sheet) as markup. */
export const trusted = (text: string): Markup => new Markup(text);

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as HTML; control characters that HTML does not allow become U+FFFD. */
export const escapeHtml = (text: string): string =>
  text
    .toWellFormed()
    // eslint-disable-next-line no-control-regex -- exactly these are not allowed in HTML
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\uFFFD")
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!);

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Markup) return part.toString();
  if (Array.isArray(part)) return part.map(render).join("");
  return escapeHtml(String(part));
}
