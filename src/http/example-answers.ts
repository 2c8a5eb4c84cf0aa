/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  one: [
    [
      { label: "positive", score: 0.9995344658705074 },
      { label: "negative", score: 0.00046553412949260813 },
    ],
  ],
  several: [
    [{ label: "positive", score: 0.9995344658705074 }],
    [{ label: "negative", score: 0.7787696654386824 }],
  ],
  command: [
    [
      { label: "GetWeather", score: 0.9522949608230156 },
      { label: "BookRestaurant", score: 0.04514617889322407 },
    ],
  ],
  intent: [
    [
      { label: "transaction_charged_twice", score: 0.9994592148922476 },
      { label: "card_payment_fee_charged", score: 0.00023437473793802815 },
    ],
  ],
  slots: [
    {
      entity_group: "party_size_number",
      score: 0.9972317892892288,
      word: "two",
      start: 17,
      end: 20,
    },
    { entity_group: "served_dish", score: 0.4154078928835696, word: "italian", start: 27, end: 34 },
    {
      entity_group: "restaurant_type",
      score: 0.9931901616885521,
      word: "restaurant",
      start: 35,
      end: 45,
    },
    { entity_group: "state", score: 0.59494864658785, word: "boston", start: 49, end: 55 },
    { entity_group: "timeRange", score: 0.963409192212341, word: "tonight", start: 56, end: 63 },
  ],
  entities: [
    { entity_group: "PER", score: 0.7973642766785668, word: "Ada Lovelace", start: 0, end: 12 },
    { entity_group: "LOC", score: 0.9585766402924782, word: "London", start: 25, end: 31 },
  ],
  pair: [
    [
      { label: "same", score: 0.6807971624757778 },
      { label: "different", score: 0.31920283752422224 },
    ],
  ],
  mixed: {
    results: [
      {
        task: "sentiment",
        version: "9e65fdf3fdb3",
        result: [[{ label: "negative", score: 0.9962802700980602 }]],
      },
      {
        task: "entities",
        version: "7eefec6b1d03",
        result: [
          {
            entity_group: "PER",
            score: 0.7973642766785668,
            word: "Ada Lovelace",
            start: 0,
            end: 12,
          },
          { entity_group: "LOC", score: 0.9585766402924782, word: "London", start: 25, end: 31 },
        ],
      },
    ],
  },
  two: [
    [0.05185996, 0.0170880798, -0.0335160159],
    [0.0151372328, 0.028883595, 0.0338534564],
  ],
};
