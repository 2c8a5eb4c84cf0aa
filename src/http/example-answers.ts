/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.9994010859320878 },
      { label: "negative", score: 0.0005989140679121759 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.9994010859320878 }],
    [{ label: "negative", score: 0.8400464525985047 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9354663054979084 },
      { label: "BookRestaurant", score: 0.05639995700845091 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9999015973436872 },
      { label: "card_payment_fee_charged", score: 0.00001812885240899988 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9947762869467968,
      word: "two",
      start: 17,
      end: 20,
    },
    {
      entity_group: "restaurant_name",
      score: 0.46791427585703865,
      word: "italian",
      start: 27,
      end: 34,
    },
    {
      entity_group: "restaurant_type",
      score: 0.927616813266554,
      word: "restaurant",
      start: 35,
      end: 45,
    },
    { entity_group: "city", score: 0.23073708515485913, word: "boston", start: 49, end: 55 },
    { entity_group: "timeRange", score: 0.9523740376220136, word: "tonight", start: 56, end: 63 },
  ],
  entities: [
    { entity_group: "LOC", score: 0.6491759337271084, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.5934856801748796 },
      { label: "different", score: 0.40651431982512043 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "51e0d8800e4d",
        result: [[{ label: "negative", score: 0.9965922045291569 }]],
      },
      {
        task: "entities",
        version: "e0b305362d84",
        result: [
          { entity_group: "LOC", score: 0.6491759337271084, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.0600446165, 0.00838082191, -0.0444296375],
    [0.00561450329, 0.0217728, 0.0393314846],
  ],
};
