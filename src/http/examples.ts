/**
 * Requests and answers of the documentation, as the bundled base and tasks give them; tests replay
 * every one of them.
 */

export interface Example {
  readonly summary: string;
  readonly path: string;
  readonly body: unknown;
  readonly answer: unknown;
}

const LONDON = [
  { entity_group: "PER", score: 0.8821164633479682, word: "Ada", start: 0, end: 3 },
  { entity_group: "LOC", score: 0.9382494648612748, word: "London", start: 25, end: 31 },
];

/** By the pattern of the route that they are asked of. */
export const EXAMPLES: Readonly<Record<string, Readonly<Record<string, Example>>>> = {
  "/v1/tasks/{task}/predict": {
    one: {
      summary: "One text, all labels, best first",
      path: "/v1/tasks/sentiment/predict",
      body: { inputs: "a gripping, beautifully acted film" },
      answer: [
        [
          { label: "positive", score: 0.9999882128948694 },
          { label: "negative", score: 0.000011787105130722732 },
        ],
      ],
    },
    several: {
      summary: "Several texts, the best label of each",
      path: "/v1/tasks/sentiment/predict",
      body: {
        inputs: ["a gripping, beautifully acted film", "two hours I will not get back"],
        parameters: { top_k: 1 },
      },
      answer: [
        [{ label: "positive", score: 0.9999882128948694 }],
        [{ label: "negative", score: 0.8751507392805387 }],
      ],
    },
    entities: {
      summary: "Entities with their places in the text",
      path: "/v1/tasks/entities/predict",
      body: { inputs: "Ada Lovelace was born in London" },
      answer: LONDON,
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
      answer: {
        results: [
          {
            task: "sentiment",
            version: "4f47ba75d6be",
            result: [[{ label: "negative", score: 0.9991459391047787 }]],
          },
          { task: "entities", version: "d6c987e8bd29", result: LONDON },
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
      answer: [
        [0.0431447476, -0.00246384181, -0.0366266109],
        [-0.0302183907, -0.0335307084, 0.0500465594],
      ],
    },
  },
};
