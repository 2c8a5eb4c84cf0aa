/** How a trained task is published and asked, as lines to paste; for the report and the card. */
import type { ReportFacts } from "./facts.ts";

/** Where `npm start` listens. */
const ORIGIN = "http://localhost:8787";

type Subject = Pick<ReportFacts, "task" | "type" | "sample" | "folder">;

const urlOf = (task: string): string => `${ORIGIN}/v1/tasks/${task}/predict`;
const folderOf = ({ task, folder }: Subject): string => folder ?? `prefixes/${task}`;

/** The inputs of a request: the author's first example, or a place to put one's own. */
function inputsOf({ sample }: Subject): unknown {
  if (sample === undefined) return "your text";
  return sample.pair === undefined ? sample.text : { text: sample.text, text_pair: sample.pair };
}

export const pushLine = (subject: Subject): string =>
  `npx edge-prefix push ${shellWord(folderOf(subject))}`;

export const predictLine = (subject: Subject): string =>
  `echo ${shellWord(JSON.stringify(inputsOf(subject)))} > texts.jsonl\nnpx edge-prefix predict ${shellWord(folderOf(subject))} --input texts.jsonl`;

export const curlLine = (subject: Subject): string =>
  `curl -s ${urlOf(subject.task)} \\\n  -H 'content-type: application/json' \\\n  -d ${shellWord(JSON.stringify({ inputs: inputsOf(subject) }))}`;

/** huggingface_hub's client; null for pairs, which its methods do not take. */
export function pythonLines(subject: Subject): string | null {
  if (subject.sample?.pair !== undefined) return null;
  const method = subject.type === "token" ? "token_classification" : "text_classification";
  // JSON's strings are Python's.
  return `from huggingface_hub import InferenceClient\n\nclient = InferenceClient(model="${urlOf(subject.task)}")\nprint(client.${method}(${JSON.stringify(inputsOf(subject))}))`;
}

/** A word for a POSIX shell: quoted unless it is plain. */
export const shellWord = (word: string): string =>
  /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
