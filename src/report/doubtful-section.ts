/** Training rows to look at: labels that are probably wrong, with what speaks against them. */
import { list, shorten } from "./error-sections.ts";
import type { ReportFacts } from "./facts.ts";
import type { DoubtfulFact } from "../learn/measure/doubtful-rows.ts";
import { foreign, markup, section } from "./html.ts";
import type { Markup, Part } from "./html.ts";
import { formatCount, plural } from "./text.ts";

/** More are no list for a person to work through. */
const MAX_ROWS = 20;

export function doubtfulSection({ doubtful = [] }: ReportFacts): Part {
  if (doubtful.length === 0) return null;
  const left = doubtful.length - MAX_ROWS;
  return section(
    "doubtful",
    "Rows to look at",
    markup`<p>${plural(doubtful.length, "training row")} whose label may be wrong, the most doubtful first: the rows that read most like it, or the same words elsewhere, have another. Some of them are right and only hard. A wrong label costs most where there are few rows.</p><p class="private">These are texts of the data; keep that in mind before you pass this page on.</p>`,
    markup`<ol class="hardest">${doubtful.slice(0, MAX_ROWS).map(item)}</ol>`,
    left > 0 && markup`<p class="aside">${formatCount(left)} more are not shown.</p>`,
  );
}

const item = ({ text, pair, labels, place, why, otherPlace }: DoubtfulFact): Markup =>
  markup`<li><blockquote dir="auto">${shorten(text)}</blockquote>${pair !== undefined && markup`<blockquote dir="auto">${shorten(pair)}</blockquote>`}<p class="verdict">${foreign(place)}: <b>${list(labels)}</b>, ${
    why.kind !== "text"
      ? markup`but ${why.count} of ${why.kind === "words" ? `${why.of} places of these words` : `the ${why.of} rows most like it`} have <b class="accent">${foreign(why.label)}</b>`
      : markup`but <b class="accent">${list(why.labels)}</b> in ${otherPlace !== undefined && foreign(otherPlace)}${why.text !== text && [": ", markup`<q dir="auto">${shorten(why.text)}</q>`]}`
  }</p></li>`;
