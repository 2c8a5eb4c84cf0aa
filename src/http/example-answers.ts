/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.9999604918042254 },
      { label: "negative", score: 0.000039508195774535 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.9999604918042254 }],
    [{ label: "negative", score: 0.8003696571191833 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9051404219397754 },
      { label: "BookRestaurant", score: 0.08118439959105794 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9996095147930023 },
      { label: "card_payment_fee_charged", score: 0.00013309801739613868 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9444702953919845,
      word: "two",
      start: 17,
      end: 20,
    },
    {
      entity_group: "served_dish",
      score: 0.46343527846836147,
      word: "italian",
      start: 27,
      end: 34,
    },
    {
      entity_group: "restaurant_type",
      score: 0.9483975047699764,
      word: "restaurant",
      start: 35,
      end: 45,
    },
    { entity_group: "city", score: 0.7087159863172321, word: "boston", start: 49, end: 55 },
    { entity_group: "timeRange", score: 0.8728466963559546, word: "tonight", start: 56, end: 63 },
  ],
  entities: [
    { entity_group: "PER", score: 0.8303797919753511, word: "Ada Lovelace", start: 0, end: 12 },
    { entity_group: "LOC", score: 0.9759246446966894, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.637322184484308 },
      { label: "different", score: 0.36267781551569195 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "3daa4f1e8a60",
        result: [[{ label: "negative", score: 0.9977963485605212 }]],
      },
      {
        task: "entities",
        version: "e2e88f9eccdd",
        result: [
          {
            entity_group: "PER",
            score: 0.8303797919753511,
            word: "Ada Lovelace",
            start: 0,
            end: 12,
          },
          { entity_group: "LOC", score: 0.9759246446966894, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.0701161474, 0.010798634, -0.0241630916],
    [0.00763959019, 0.0255000442, 0.0425181463],
  ],
};
