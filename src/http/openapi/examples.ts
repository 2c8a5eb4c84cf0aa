/**
 * Requests and answers of the documentation. The answers are those of the bundled base and tasks,
 * written by `npm run examples`; tests replay every one of them.
 */
import type { Config } from "../settings/config.ts";
import { ANSWERS } from "./example-answers.ts";

export interface Example {
  readonly summary: string;
  readonly path: string;
  readonly body: unknown;
  readonly answer: unknown;
}

type ExampleRequest = Omit<Example, "answer">;

/** By the pattern of the route that they are asked of. */
export const EXAMPLE_REQUESTS: Readonly<Record<string, Readonly<Record<string, ExampleRequest>>>> =
  {
    "/v1/tasks/{task}/predict": {
      one: {
        summary: "One text, all labels, best first",
        path: "/v1/tasks/sentiment/predict",
        body: { inputs: "a gripping, beautifully acted film" },
      },
      several: {
        summary: "Several texts, the best label of each",
        path: "/v1/tasks/sentiment/predict",
        body: {
          inputs: ["a gripping, beautifully acted film", "two hours I will not get back"],
          parameters: { top_k: 1 },
        },
      },
      command: {
        summary: "What an assistant is asked to do",
        path: "/v1/tasks/command/predict",
        body: { inputs: "Will I need an umbrella in Lisbon tomorrow?", parameters: { top_k: 2 } },
      },
      intent: {
        summary: "What the customer of a bank wants",
        path: "/v1/tasks/intent/predict",
        body: {
          inputs: "I was charged twice for the same dinner last night.",
          parameters: { top_k: 2 },
        },
      },
      slots: {
        summary: "The parts of a spoken command",
        path: "/v1/tasks/slots/predict",
        body: { inputs: "book a table for two at a mexican restaurant in boston tonight" },
      },
      entities: {
        summary: "Entities with their places in the text",
        path: "/v1/tasks/entities/predict",
        body: { inputs: "Ada Lovelace was born in London" },
      },
      pair: {
        summary: "Whether two questions ask the same: two texts that are judged together",
        path: "/v1/tasks/same-question/predict",
        body: {
          inputs: { text: "I forgot my PIN", text_pair: "How can I get a new PIN?" },
        },
      },
    },
    "/v1/predict": {
      mixed: {
        summary: "Two tasks in one call",
        path: "/v1/predict",
        body: {
          items: [
            { task: "sentiment", inputs: "what a waste", parameters: { top_k: 1 } },
            { task: "entities", inputs: "Ada Lovelace was born in London" },
          ],
        },
      },
    },
    "/v1/embed": {
      // A whole vector would fill a page: its beginning says what it looks like.
      two: {
        summary: "Two texts as vectors of length 1 (shown: how each begins)",
        path: "/v1/embed",
        body: { inputs: ["a cat sat on the mat", "a dog lay on the rug"] },
      },
    },
    "/v1/embeddings": {
      openai: {
        summary: "The same in the shape of OpenAI",
        path: "/v1/embeddings",
        body: { input: "a cat sat on the mat", model: "pocket" },
      },
    },
    "/v1/similarity": {
      similar: {
        summary: "How near two texts are to one",
        path: "/v1/similarity",
        body: {
          inputs: {
            source_sentence: "a cat sat on the mat",
            sentences: ["a dog lay on the rug", "interest rates were raised"],
          },
        },
      },
    },
    "/v1/zero-shot": {
      labels: {
        summary: "Labels that no task was trained for",
        path: "/v1/zero-shot",
        body: {
          inputs: "The striker scored twice in the last ten minutes.",
          parameters: { candidate_labels: ["sports", "business", "science"] },
        },
      },
    },
  };

export const EXAMPLES: Readonly<Record<string, Readonly<Record<string, Example>>>> =
  Object.fromEntries(
    Object.entries(EXAMPLE_REQUESTS).map(([route, requests]) => [
      route,
      Object.fromEntries(
        Object.entries(requests).map(([name, request]) => [
          name,
          { ...request, answer: ANSWERS[name] },
        ]),
      ),
    ]),
  );

/** A task that no deployment has by this name, and what one could answer. */
const ANY_TASK = "your-task";
const ANY_ANSWER = [
  { label: "LABEL_1", score: 0.9 },
  { label: "LABEL_0", score: 0.1 },
];

/** The same where keys are on: which tasks there are, and their labels, is told to holders of a key. */
const EXAMPLES_WITHOUT_TASKS: typeof EXAMPLES = {
  "/v1/tasks/{task}/predict": {
    one: {
      summary: "One text, all labels, best first",
      path: `/v1/tasks/${ANY_TASK}/predict`,
      body: { inputs: "a text" },
      answer: [ANY_ANSWER],
    },
  },
  "/v1/predict": {
    mixed: {
      summary: "Any tasks in one call",
      path: "/v1/predict",
      body: { items: [{ task: ANY_TASK, inputs: "a text" }] },
      answer: { results: [{ task: ANY_TASK, version: "0123456789ab", result: [ANY_ANSWER] }] },
    },
  },
  "/v1/embed": EXAMPLES["/v1/embed"]!,
  "/v1/embeddings": EXAMPLES["/v1/embeddings"]!,
  "/v1/similarity": EXAMPLES["/v1/similarity"]!,
  "/v1/zero-shot": EXAMPLES["/v1/zero-shot"]!,
};

/** What the documentation of a deployment shows. */
export const examplesFor = ({ keys }: Pick<Config, "keys">): typeof EXAMPLES =>
  keys === null ? EXAMPLES : EXAMPLES_WITHOUT_TASKS;
