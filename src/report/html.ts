/**
 * HTML as text that cannot be injected into, and what pages are made of: the document, sections,
 * tables, figures. `markup` escapes all that it interpolates unless that is markup itself, so a text of
 * the data is always a text on the page. hono's `html` would leave control characters and lone
 * surrogates as they are, which HTML does not allow, and returns a promise or a string.
 */
import { STYLE } from "./style.ts";

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
const trusted = (text: string): Markup => new Markup(text);

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

/** A report as a file: one HTML document that loads nothing and runs nothing. */
export const documentOf = (title: string, body: Part): string =>
  markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.toString();

/** A section: heading and explanation in the margin, content beside (on a phone: below) it. */
export const section = (id: string, heading: string, note: Part, ...content: Part[]): Markup =>
  markup`<section id="${id}"><header><h2>${heading}</h2>${note}</header><div class="content">${content}</div></section>`;

export interface Column {
  readonly name: Part;
  /** Numbers stand to the right, in figures of one width. */
  readonly isNumber?: boolean;
  /** Left out on a phone, where it would push the numbers out of sight. */
  readonly isWide?: boolean;
}

/** A table; every row has one cell a column. The first column names the row. */
export function table(columns: readonly Column[], rows: readonly (readonly Part[])[]): Markup {
  const kind = (i: number): Part => {
    const kinds = [
      columns[i]?.isNumber === true && "number",
      columns[i]?.isWide === true && "wide",
    ];
    const list = kinds.filter((name) => name !== false).join(" ");
    return list !== "" && markup` class="${list}"`;
  };
  const head = columns.map(({ name }, i) => markup`<th scope="col"${kind(i)}>${name}</th>`);
  const body = rows.map(
    (row) =>
      markup`<tr>${row.map((cell, i) => (i === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td${kind(i)}>${cell}</td>`))}</tr>`,
  );
  return markup`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Charts side by side where there is room. */
export const figures = (...charts: Part[]): Markup => markup`<div class="figures">${charts}</div>`;

/** A chart with a line of explanation. */
export const figure = (chart: Part, caption: Part = null): Markup =>
  markup`<figure>${chart}${caption !== null && markup`<figcaption>${caption}</figcaption>`}</figure>`;

/**
 * A name from the data: isolated, so that its writing direction stays its own, and broken, where it
 * must be, after the marks that names are made of: `card_payment_` `wrong_exchange_rate`.
 */
export const foreign = (text: string): Markup =>
  markup`<bdi>${text.split(/(?<=[_/.-])(?=.)/).map((part, i) => [i > 0 && markup`<wbr>`, part])}</bdi>`;

/** A long table cut into parts of `size` rows, for columns side by side. */
export const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
