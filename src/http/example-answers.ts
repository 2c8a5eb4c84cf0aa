/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.9999608202486118 },
      { label: "negative", score: 0.00003917975138826495 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.9999608202486118 }],
    [{ label: "negative", score: 0.7989485855178364 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9032090553916408 },
      { label: "BookRestaurant", score: 0.082759833809977 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9996219432921677 },
      { label: "card_payment_fee_charged", score: 0.0001280447939924064 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9428624843367445,
      word: "two",
      start: 17,
      end: 20,
    },
    { entity_group: "cuisine", score: 0.6030746936900621, word: "mexican", start: 26, end: 33 },
    {
      entity_group: "restaurant_type",
      score: 0.9328029843277399,
      word: "restaurant",
      start: 34,
      end: 44,
    },
    { entity_group: "city", score: 0.6132213522508265, word: "boston", start: 48, end: 54 },
    { entity_group: "timeRange", score: 0.8795652148462844, word: "tonight", start: 55, end: 62 },
  ],
  entities: [
    { entity_group: "PER", score: 0.8289865974832922, word: "Ada Lovelace", start: 0, end: 12 },
    { entity_group: "LOC", score: 0.9757640278908768, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.6246711656345971 },
      { label: "different", score: 0.37532883436540293 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "78597c7710df",
        result: [[{ label: "negative", score: 0.9979499975977015 }]],
      },
      {
        task: "entities",
        version: "c5565aefc5cf",
        result: [
          {
            entity_group: "PER",
            score: 0.8289865974832922,
            word: "Ada Lovelace",
            start: 0,
            end: 12,
          },
          { entity_group: "LOC", score: 0.9757640278908768, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.0697728172, 0.00997800473, -0.0241617355],
    [0.00851283967, 0.0248691738, 0.0441109799],
  ],
  openai: {
    object: "list",
    model: "pocket",
    usage: { prompt_tokens: 8, total_tokens: 8 },
    data: [
      { object: "embedding", index: 0, embedding: [0.0697728172, 0.00997800473, -0.0241617355] },
    ],
  },
  similar: [0.532871, -0.017334],
  labels: [
    { label: "sports", score: 0.9451104760536309 },
    { label: "business", score: 0.043745209920768836 },
    { label: "science", score: 0.01114431402560027 },
  ],
};
