/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.99993690546511 },
      { label: "negative", score: 0.00006309453488999718 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.99993690546511 }],
    [{ label: "negative", score: 0.814251043501089 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9073446862781557 },
      { label: "BookRestaurant", score: 0.08780698762043872 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9995611147292248 },
      { label: "card_payment_fee_charged", score: 0.00014796793580432164 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9542496982520206,
      word: "two",
      start: 17,
      end: 20,
    },
    { entity_group: "served_dish", score: 0.5646944104000483, word: "italian", start: 27, end: 34 },
    {
      entity_group: "restaurant_type",
      score: 0.9867581981829816,
      word: "restaurant",
      start: 35,
      end: 45,
    },
    { entity_group: "state", score: 0.7169785362738548, word: "boston", start: 49, end: 55 },
    { entity_group: "timeRange", score: 0.9566805565721983, word: "tonight", start: 56, end: 63 },
  ],
  entities: [
    { entity_group: "PER", score: 0.8373599685632436, word: "Ada Lovelace", start: 0, end: 12 },
    { entity_group: "LOC", score: 0.9741171502880094, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.6980723314853975 },
      { label: "different", score: 0.3019276685146024 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "c87e4f1fc5b3",
        result: [[{ label: "negative", score: 0.9979579029296245 }]],
      },
      {
        task: "entities",
        version: "88260490800e",
        result: [
          {
            entity_group: "PER",
            score: 0.8373599685632436,
            word: "Ada Lovelace",
            start: 0,
            end: 12,
          },
          { entity_group: "LOC", score: 0.9741171502880094, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.0701161474, 0.010798634, -0.0241630916],
    [0.00763959019, 0.0255000442, 0.0425181463],
  ],
};
