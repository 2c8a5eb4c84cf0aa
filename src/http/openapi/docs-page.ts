/**
 * GET /docs: the OpenAPI document as one page that needs nothing else: no script, style or font from
 * anywhere, so that it works offline and no other host learns who reads it. Each example can be sent.
 */
import { html, raw } from "hono/html";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { fieldsOf } from "./docs-fields.ts";
import type { Field } from "./docs-fields.ts";
import { examplesFor } from "./examples.ts";
import type { Example } from "./examples.ts";
import { openApiDocument } from "./openapi.ts";

type Html = ReturnType<typeof html>;
type Json = Readonly<Record<string, unknown>>;

export function showDocs(deps: AppDeps): AppHandler {
  return (c) => {
    const { origin, pathname } = new URL(c.req.url);
    const server = origin + pathname.replace(/\/docs\/?$/, "");
    const nonce = deps.requestId();
    // Its own script and style alone; requests to its own server alone.
    c.header(
      "content-security-policy",
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    return c.html(
      renderPage(openApiDocument(deps, server), examplesFor(deps.config), server, nonce),
    );
  };
}

function renderPage(
  document: ReturnType<typeof openApiDocument>,
  examples: ReturnType<typeof examplesFor>,
  server: string,
  nonce: string,
) {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    (["get", "post"] as const).flatMap((method) => {
      const operation = item[method] as Json | undefined;
      return operation ? [{ path, method, operation }] : [];
    }),
  );
  const { title, description } = document.info;
  const needsKey = "securitySchemes" in document.components;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style nonce="${nonce}">
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p>${withCode(description)}</p>
          <p>
            <a href="${server}/openapi.json">openapi.json</a>
            ${
              needsKey
                ? html`<label>API key <input id="key" type="password" autocomplete="off" /></label>`
                : ""
            }
          </p>
          <nav>
            ${operations.map(
              ({ path, method, operation }) =>
                html`<a href="#${operation["operationId"]}"><b>${method}</b> ${path}</a>`,
            )}
          </nav>
        </header>
        <main>
          ${operations.map((item) =>
            renderOperation({
              ...item,
              server,
              needsKey: needsKey && "security" in item.operation,
              fields: fieldsOf(document, item.path, item.method),
              examples: Object.values(examples[item.path] ?? {}),
            }),
          )}
          <h2>Schemas</h2>
          ${Object.entries(document.components.schemas).map(
            ([name, schema]) =>
              html`<details id="schema-${name}">
                <summary>${name}</summary>
                <pre>${JSON.stringify(schema, null, 2)}</pre>
              </details>`,
          )}
        </main>
        <script nonce="${nonce}">
          ${raw(SCRIPT)};
        </script>
      </body>
    </html>`;
}

interface Shown {
  readonly path: string;
  readonly method: string;
  readonly operation: Json;
  readonly server: string;
  readonly needsKey: boolean;
  readonly fields: readonly Field[];
  readonly examples: readonly Example[];
}

function renderOperation({ path, method, operation, server, ...shown }: Shown): Html {
  const { needsKey, fields, examples } = shown;
  const responses = Object.entries(operation["responses"] as Record<string, Json>);
  return html`<section id="${operation["operationId"]}">
    <h2><b>${method}</b> <code>${path}</code></h2>
    <p>${operation["summary"]}. ${withCode(String(operation["description"] ?? ""))}</p>
    ${renderFields(fields)}
    ${examples.map(
      (example) =>
        html`<article>
          <h3>${example.summary}</h3>
          <pre>${curlOf(server + example.path, example.body, needsKey)}</pre>
          <pre>${JSON.stringify(example.answer, null, 2)}</pre>
          <form data-path="${server}${example.path}">
            <textarea rows="3" spellcheck="false" aria-label="Request body">
${JSON.stringify(example.body)}</textarea>
            <button>Send</button>
            <pre hidden></pre>
          </form>
        </article>`,
    )}
    <h3>Answers</h3>
    <table>
      ${responses.map(
        ([status, { description, content }]) =>
          html`<tr>
            <th>${status}</th>
            <td>${description}</td>
            <td>${Object.keys((content ?? {}) as Json).join(", ")}</td>
          </tr>`,
      )}
    </table>
  </section>`;
}

function renderFields(fields: readonly Field[]): Html | "" {
  if (fields.length === 0) return "";
  return html`<div class="wide">
    <table>
      ${fields.map(
        ({ name, kind, description }) =>
          html`<tr>
            <th><code>${name}</code></th>
            <td>${kind}</td>
            <td>${description}</td>
          </tr>`,
      )}
    </table>
  </div>`;
}

/** Words between backticks, as Markdown has them. */
const withCode = (text: string) =>
  text.split("`").map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part));

/** A command that works as pasted: a quote inside of single quotes ends them, stands alone, begins anew. */
const curlOf = (url: string, body: unknown, needsKey: boolean): string =>
  [
    `curl -s ${url}`,
    "-H 'content-type: application/json'",
    ...(needsKey ? ["-H 'authorization: Bearer YOUR_KEY'"] : []),
    `-d '${JSON.stringify(body).replaceAll("'", `'\\''`)}'`,
  ].join(" \\\n  ");

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: 0; } h2 { margin: 3rem 0 .5rem; font-size: 1.2rem; } h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
nav { display: grid; gap: .2rem; } nav a { text-decoration: none; font-family: ui-monospace, monospace; }
b { display: inline-block; min-width: 3.2rem; text-transform: uppercase; font: 600 .8rem ui-monospace, monospace; }
section, h2 { scroll-margin-top: 1rem; } section { border-top: 1px solid var(--line); }
pre, textarea { font: 14px/1.5 ui-monospace, monospace; border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow: auto; max-height: 24rem; margin: .5rem 0; }
textarea { width: 100%; box-sizing: border-box; background: transparent; color: inherit; resize: vertical; }
table { border-collapse: collapse; margin-top: 1rem; } th, td { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top; }
.wide { overflow-x: auto; } td code, th code { font-size: .85rem; white-space: nowrap; } th { font-weight: 600; }
@media (max-width: 40rem) { .wide tr { display: grid; padding: .4rem 0; border-top: 1px solid var(--line); } .wide td { padding: 0; } }
button { font: inherit; padding: .3rem 1rem; } summary { cursor: pointer; font-family: ui-monospace, monospace; }
`;

const SCRIPT = `
for (const form of document.forms) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [body, answer] = [form.querySelector("textarea"), form.querySelector("pre")];
  const key = document.getElementById("key")?.value;
  const headers = { "content-type": "application/json", ...(key ? { authorization: "Bearer " + key } : {}) };
  answer.hidden = false;
  answer.textContent = "...";
  try {
    const response = await fetch(form.dataset.path, { method: "POST", headers, body: body.value });
    const text = await response.text();
    answer.textContent = response.status + "\\n" + JSON.stringify(JSON.parse(text), null, 2);
  } catch (error) {
    answer.textContent = String(error);
  }
})
`;
