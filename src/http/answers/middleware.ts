/** An answer for whatever went wrong, on whatever route. */
import type { ErrorHandler, MiddlewareHandler, NotFoundHandler } from "hono";
import { InputError, NotFoundError } from "../../core/errors.ts";
import type { EdgePrefixError } from "../../core/errors.ts";
import type { AppContext, AppDeps, AppEnv } from "../context/context.ts";
import { instanceOf, problemOf, respondProblem, retryAfterOf } from "./problem.ts";
import type { Problem } from "./problem.ts";

/** An answer repeats what it was asked: a browser must never take it for another kind than it says. */
export const forbidSniffing: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  c.header("x-content-type-options", "nosniff");
};

/** Any thrown error as a problem document. */
export function onError(deps: AppDeps): ErrorHandler<AppEnv> {
  return (error, c) => respondProblem(c, describeFailure(deps, c, error), retryAfterOf(error));
}

/** The problem document of an error; an unforeseen one is logged with its stack, and only there. */
export function describeFailure({ log }: AppDeps, c: AppContext, error: unknown): Problem {
  const problem = problemOf(error, instanceOf(c), c.var.requestId);
  if (problem.status === 500) {
    const stack = error instanceof Error ? error.stack : undefined;
    log({ request_id: c.var.requestId, error: String(error), stack });
  }
  c.var.logged["code"] = problem.code;
  return problem;
}

export const onNotFound: NotFoundHandler<AppEnv> = (c) =>
  answer(
    c,
    new NotFoundError(
      "route-not-found",
      `path ${JSON.stringify(instanceOf(c))}: does not exist; the app's /docs lists the routes`,
    ),
  );

/** A known path and another method: 405, or for OPTIONS what the path allows. */
export function onMethodNotAllowed(c: AppContext, methods: readonly string[]): Response {
  c.header("allow", [...methods, "OPTIONS"].join(", "));
  if (c.req.method === "OPTIONS") return new Response(null, { status: 204 });
  return answer(
    c,
    new InputError(
      "method-not-allowed",
      `method ${c.req.method}: is not allowed on ${instanceOf(c)}, allowed are ${methods.join(", ")}`,
    ),
  );
}

function answer(c: AppContext, error: EdgePrefixError): Response {
  const problem = problemOf(error, instanceOf(c), c.var.requestId);
  c.var.logged["code"] = problem.code;
  return respondProblem(c, problem);
}
