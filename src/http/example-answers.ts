/** Written by `npm run examples`: the answers to the requests of examples.ts, by their names. */
export const ANSWERS: Readonly<Record<string, unknown>> = {};
