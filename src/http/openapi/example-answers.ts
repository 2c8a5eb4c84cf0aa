/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.9999480705252447 },
      { label: "negative", score: 0.000051929474755398464 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.9999480705252447 }],
    [{ label: "negative", score: 0.7977221218503492 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9069967375396736 },
      { label: "BookRestaurant", score: 0.07901224174996664 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9996223763293625 },
      { label: "card_payment_fee_charged", score: 0.00012811106111464726 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9486668351525311,
      word: "two",
      start: 17,
      end: 20,
    },
    { entity_group: "cuisine", score: 0.7127937003409324, word: "mexican", start: 26, end: 33 },
    {
      entity_group: "restaurant_type",
      score: 0.9634678882282353,
      word: "restaurant",
      start: 34,
      end: 44,
    },
    { entity_group: "city", score: 0.5398438568144913, word: "boston", start: 48, end: 54 },
    { entity_group: "timeRange", score: 0.8893481680519371, word: "tonight", start: 55, end: 62 },
  ],
  entities: [
    { entity_group: "PER", score: 0.9236465648490602, word: "Ada Lovelace", start: 0, end: 12 },
    { entity_group: "LOC", score: 0.9963778878362277, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.6305752498312551 },
      { label: "different", score: 0.36942475016874476 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "99840ba3bc5c",
        result: [[{ label: "negative", score: 0.9973174456380849 }]],
      },
      {
        task: "entities",
        version: "4712f31b6c74",
        result: [
          {
            entity_group: "PER",
            score: 0.9236465648490602,
            word: "Ada Lovelace",
            start: 0,
            end: 12,
          },
          { entity_group: "LOC", score: 0.9963778878362277, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.0697223917, 0.0099809207, -0.0241544135],
    [0.00851158332, 0.0248702858, 0.0440994278],
  ],
  openai: {
    object: "list",
    model: "pocket",
    usage: { prompt_tokens: 8, total_tokens: 8 },
    data: [
      { object: "embedding", index: 0, embedding: [0.0697223917, 0.0099809207, -0.0241544135] },
    ],
  },
  similar: [0.532772, -0.017236],
  labels: [
    { label: "sports", score: 0.9452930441560028 },
    { label: "business", score: 0.043589457212369724 },
    { label: "science", score: 0.011117498631627438 },
  ],
};
