/**
 * The style of report.html. Ink on paper: one colour, kept for what the eye should find (the best
 * epoch, the chosen pair, what is wrong); everything else is a shade of the ink. Dark mode turns
 * paper and ink; print is always light.
 */
export const STYLE = `
:root {
  --paper: #fffefa; --ink: #1c1b19; --quiet: #6b6862; --faint: #d9d6cd; --wash: #f4f2ea;
  --accent: #a8321f; --grey: #8a867d; --right: #6b6862; --wrong: #a8321f;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, P052, "Book Antiqua", Georgia, serif;
  --sans: "Gill Sans Nova", "Gill Sans", "Segoe UI", "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171614; --ink: #e9e6dd; --quiet: #a29e94; --faint: #3b3934; --wash: #211f1c;
    --accent: #f08a70; --grey: #8f8b81; --right: #7d7a72; --wrong: #c2553c;
  }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --quiet: #444; --faint: #ccc; --wash: #f6f6f6;
    --accent: #a8321f; --grey: #777; --right: #6b6862; --wrong: #a8321f; color-scheme: light;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 76rem; padding: 3.5rem 2.5rem 3rem;
  font: 400 1.0625rem/1.5 var(--serif);
}
h1, h2, h3, p, dl, dd, figure, blockquote { margin: 0; }
h1 { font-size: 2.6rem; font-weight: 400; line-height: 1.15; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; font-weight: 400; font-style: italic; line-height: 1.25; }
h3 { font-size: 1rem; font-weight: 400; font-style: italic; }
.description { font-size: 1.2rem; font-style: italic; color: var(--quiet); margin-top: .3rem; max-width: 40rem; }
.headline { margin-top: 1.6rem; font-size: 1.2rem; max-width: 48rem; }
.headline .figure { font-size: 2.6rem; line-height: 1; margin-right: .3rem; font-variant-numeric: lining-nums; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.4rem; margin-top: 1.3rem; }
dt { font: .8125rem/1.3 var(--sans); color: var(--quiet); }
dd { font-variant-numeric: lining-nums tabular-nums; }
section {
  display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 1rem 3rem;
  margin-top: 2.6rem; padding-top: 1.1rem; border-top: 1px solid var(--faint);
}
section > header p { font-size: .9375rem; line-height: 1.45; color: var(--quiet); margin-top: .5rem; }
section > header strong { color: var(--ink); font-weight: 400; }
.content > * + * { margin-top: 1.4rem; }
.content > h3 + * { margin-top: .4rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1.6rem 2.6rem; align-items: flex-start; }
.figures > * { min-width: 0; max-width: 100%; }
.aside { font-size: .9375rem; line-height: 1.45; color: var(--quiet); max-width: 20rem; margin-top: .8rem; }
figcaption { font-size: .9375rem; color: var(--quiet); max-width: 21rem; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font: .875rem/1.35 var(--sans); font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: .2rem 1.1rem .2rem 0; text-align: start; vertical-align: baseline; font-weight: 400; }
th:last-child, td:last-child { padding-inline-end: 0; }
thead th { color: var(--quiet); border-bottom: 1px solid var(--faint); white-space: nowrap; }
tbody tr:first-child > * { padding-top: .4rem; }
th[scope=row], td { overflow-wrap: break-word; max-width: 15rem; }
th code { white-space: nowrap; }
.number { text-align: end; white-space: nowrap; }
td svg { vertical-align: -2px; max-width: none; }
strong { font-weight: 600; }
code, pre { font: .8125rem/1.5 var(--mono); }
pre { margin: 0; padding: .7rem .9rem; background: var(--wash); overflow-x: auto; }
ul { margin: 0; padding-inline-start: 1.1rem; }
.accent { color: var(--accent); }
.hardest { margin: 0; padding: 0; list-style: none; max-width: 44rem; }
.hardest li { break-inside: avoid; }
.hardest li + li { margin-top: 1.1rem; }
.hardest blockquote { overflow-wrap: anywhere; white-space: pre-line; text-align: start; }
.hardest blockquote + blockquote { padding-inline-start: 1rem; border-inline-start: 2px solid var(--faint); margin-top: .2rem; }
.verdict { font: .8125rem/1.5 var(--sans); color: var(--quiet); font-variant-numeric: tabular-nums lining-nums; }
.verdict b { font-weight: 600; color: var(--ink); }
.verdict b.accent { color: var(--accent); }
mark { background: none; color: var(--accent); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
mark small { font: .75rem var(--sans); color: var(--quiet); margin: 0 .3em; white-space: nowrap; display: inline-block; }
.key { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; border: 1.3px solid var(--grey); margin-inline-end: .45rem; }
.key.full { background: var(--accent); border-color: var(--accent); }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--faint); font: .8125rem/1.5 var(--sans); color: var(--quiet); overflow-wrap: anywhere; }

svg { display: block; max-width: 100%; height: auto; font-family: var(--sans); overflow: visible; }
td svg { display: inline-block; }
svg text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums lining-nums; }
svg text.label { fill: var(--ink); font-size: 13px; }
svg text.value { fill: var(--ink); }
svg text.accent { fill: var(--accent); }
svg text.on-dark { fill: var(--paper); }
svg .axis { stroke: var(--quiet); stroke-width: 1; }
svg .rule { stroke: var(--faint); stroke-width: 1; }
svg .guide { stroke: var(--grey); stroke-width: 1; stroke-dasharray: 2 3; }
svg path { fill: none; stroke-linejoin: round; }
svg .series { stroke: var(--ink); stroke-width: 1.4; }
svg .series.accent { stroke: var(--accent); }
svg .trace { stroke: var(--grey); stroke-width: 1; opacity: .75; }
svg circle.ink { fill: var(--ink); }
svg circle.accent { fill: var(--accent); }
svg circle.soft { fill-opacity: .8; }
svg circle.faint { fill-opacity: .35; }
svg circle.hollow { fill: none; stroke: var(--grey); stroke-width: 1.3; }
svg .whisker { stroke: var(--accent); stroke-width: 5; stroke-opacity: .3; }
svg .span { stroke: var(--grey); stroke-width: 3; }
svg rect.bar { fill: var(--faint); }
svg rect.heat { fill: var(--ink); }
svg rect.right { fill: var(--right); }
svg rect.wrong { fill: var(--wrong); }
svg rect.plate { fill: var(--wash); }
svg rect.chosen { fill: none; stroke: var(--accent); stroke-width: 2.5; }

@media (max-width: 52rem) {
  body { padding: 1.6rem 1.25rem 2rem; font-size: 1rem; }
  h1, .headline .figure { font-size: 2.1rem; }
  section { grid-template-columns: minmax(0, 1fr); margin-top: 2rem; }
  th, td { padding-inline-end: .7rem; }
  .wide { display: none; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  section { grid-template-columns: 11rem minmax(0, 1fr); gap: 1rem 1.6rem; margin-top: 1.4rem; }
  figure, tr, pre { break-inside: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  h2, h3 { break-after: avoid; }
  .private { display: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
