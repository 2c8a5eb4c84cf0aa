/**
 * The request of the page as code that works as pasted, without any package. A key is read from the
 * environment, so that none stands in what is copied.
 */
import type { PredictCall } from "./request.ts";

export const LANGUAGES = ["curl", "JavaScript", "Python"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Where the copied code finds the API key. */
const KEY_VARIABLE = "EDGE_PREFIX_KEY";

/** What is shown as code: the request, and whether it needs a key. */
export interface Shown extends PredictCall {
  readonly root: string;
  readonly needsKey: boolean;
}

/** The code that sends the request and prints the answer. */
export function snippetOf(language: Language, shown: Shown): string {
  return WRITERS[language](shown);
}

const WRITERS: Readonly<Record<Language, (shown: Shown) => string>> = {
  curl: ({ root, path, body, needsKey }) =>
    [
      `curl -s ${root}${path}`,
      "-H 'content-type: application/json'",
      ...(needsKey ? [`-H "authorization: Bearer $${KEY_VARIABLE}"`] : []),
      `-d ${shellQuote(JSON.stringify(body))}`,
    ].join(" \\\n  "),

  JavaScript: ({ root, path, body, needsKey }) =>
    [
      `const response = await fetch(${JSON.stringify(root + path)}, {`,
      `  method: "POST",`,
      `  headers: {`,
      `    "content-type": "application/json",`,
      ...(needsKey ? [`    authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\`,`] : []),
      `  },`,
      `  body: JSON.stringify(${indent(JSON.stringify(body, null, 2))}),`,
      `});`,
      `console.log(await response.json());`,
    ].join("\n"),

  Python: ({ root, path, body, needsKey }) =>
    [
      "import json",
      ...(needsKey ? ["import os"] : []),
      "from urllib.request import Request, urlopen",
      "",
      `body = ${pythonOf(body)}`,
      `headers = {"content-type": "application/json"${needsKey ? `, "authorization": "Bearer " + os.environ["${KEY_VARIABLE}"]` : ""}}`,
      `request = Request(${JSON.stringify(root + path)}, json.dumps(body).encode(), headers)`,
      "print(json.load(urlopen(request)))",
    ].join("\n"),
};

/** A word of a shell: a quote inside of single quotes ends them, stands alone, begins anew. */
const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const indent = (json: string): string => json.replaceAll("\n", "\n  ");

/**
 * The body holds objects, lists and texts alone, which Python writes as JSON does. JSON's escapes are
 * Python's, too, but for a pair of surrogates, which JSON.stringify never writes.
 */
const pythonOf = (body: unknown): string => JSON.stringify(body, null, 4);
