/** Parts that the OpenAPI document is made of: references, headers, problems, parameters. */
import { problemTitle } from "../answers/problem.ts";

export type Json = Readonly<Record<string, unknown>>;

export const refTo = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** A name of a task or a base. */
export const NAME = { type: "string", pattern: "^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$" };

/** A header that is text. */
export const text = (description: string): Json => ({ description, schema: { type: "string" } });
export const ANSWER_HEADERS = {
  "x-request-id": text("Names the request in the log"),
  "x-model-identity": text("The base that answered: name, identity, builds"),
  "x-task-version": text("The version of the task that answered"),
  "x-task-stale": text("true: the bucket could not confirm this version"),
  "x-task-stale-code": text("Why the current version does not answer, where that is known"),
  "x-truncated": text("How many texts were cut, where truncation was asked for"),
  "server-timing": text("What tokenizing, waiting, running and decoding took"),
};

/** The answer of a request that went well. */
export const ok = (content: Json): Json => ({ description: "The answer", content });

/** Problem documents by status. */
export const problems = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: problemTitle(status),
        content: { "application/problem+json": { schema: refTo("Problem") } },
      },
    ]),
  );
