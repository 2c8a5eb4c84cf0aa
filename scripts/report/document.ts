/** A report as a file: one HTML document that loads nothing and runs nothing. */
import { markup, trusted } from "./markup.ts";
import type { Part } from "./markup.ts";
import { STYLE } from "./style.ts";

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
