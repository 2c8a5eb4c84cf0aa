/** The first page of a static site: choose a task, write a text, see the answer; thirty lines to build on. */
import type { FilesIndex } from "../../src/core/format/files-index.ts";

/** For hosts that read `_headers`, such as Cloudflare Pages and Netlify; others ignore it. */
export const SITE_HEADERS = `/files/blobs/*
  Cache-Control: public, max-age=31536000, immutable
/files/*
  Access-Control-Allow-Origin: *
`;

/** Names of bases and tasks have no character that HTML gives a meaning. */
export const sitePage = ({ base, tasks }: FilesIndex): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>edge-prefix: ${base}</title>
    <link rel="icon" href="data:," />
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
      textarea { width: 100%; box-sizing: border-box; font: inherit; }
      select, button { font: inherit; }
    </style>
  </head>
  <body>
    <h1>Answered in this page</h1>
    <p>Base ${base}. The text does not leave this machine.</p>
    <form>
      <p><label>Task <select name="task">${tasks.map((task) => `<option>${task}</option>`).join("")}</select></label></p>
      <p><label>Text <textarea name="text" rows="3" required>a gripping, beautifully acted film</textarea></label></p>
      <p><button>Answer</button></p>
    </form>
    <pre aria-live="polite"></pre>
    <script type="module">
      import { loadPredictor } from "./browser.js";

      const form = document.querySelector("form");
      const output = document.querySelector("pre");
      let predictor;

      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const { task, text } = Object.fromEntries(new FormData(form));
        output.textContent = "..";
        try {
          predictor ??= loadPredictor({
            from: new URL(".", location.href),
            onProgress: ({ bytes, total }) => {
              output.textContent = \`loading, \${(bytes / 1e6).toFixed(1)} of \${(total / 1e6).toFixed(1)} MB\`;
            },
          });
          for await (const { error, result } of (await predictor).predict(task, [text])) {
            if (error) throw error;
            output.textContent = result.map((item) => JSON.stringify(item)).join("\\n");
          }
        } catch (error) {
          predictor = undefined;
          output.textContent = String(error);
        }
      });
    </script>
  </body>
</html>
`;
