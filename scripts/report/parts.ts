/** What the sections of the page are made of: a section with its margin note, tables, figures. */
import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";

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
