/** More work than can be done in time, in the runtime that serves: refused at once, with a time to come back. */
import { beforeAll, describe, expect, it } from "vitest";
import { testApp } from "./app-support.ts";
import { clock, makeTask, putTask, seedBases } from "./support.ts";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
});

interface Problem {
  readonly code: string;
  readonly detail: string;
}

describe("a queue that is too long for another request", () => {
  it("refuses it with the forecast in retry-after, and takes requests again when it is empty", async () => {
    // A token is believed to cost 50 ms: a dozen texts of a handful of tokens fill 5 s.
    const app = await testApp({ DEADLINE_MS: 5_000, MICROS_PER_TOKEN: 50_000 });
    app.allowRuns(0);
    const first = app.predict("mood", { inputs: "the first" });
    while (app.runs === 0) await clock.wait(1);
    const waiting = Array.from({ length: 20 }, (_, i) =>
      app.predict("mood", { inputs: `number ${i} waits` }),
    );
    // The admitted ones wait behind the gate; the others have been answered.
    const early = await Promise.race([first, ...waiting]);
    expect(early.status).toBe(503);
    const { code, detail } = (await early.json()) as Problem;
    expect(code).toBe("overloaded");
    expect(detail).toMatch(/tokens are ahead of this request, and it would take about \d+ ms/);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);

    app.allowRuns(Infinity);
    const statuses = (await Promise.all([first, ...waiting])).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    const after = await app.predict("mood", { inputs: "nobody waits now" });
    expect(after.status).toBe(200);
    await after.text();
  });

  it("answers or refuses each of many at once, and nothing else", async () => {
    const app = await testApp({ DEADLINE_MS: 10_000, MICROS_PER_TOKEN: 50_000 });
    app.allowRuns(0);
    const refused: Response[] = [];
    const verdicts = Array.from({ length: 60 }, async (_, i) => {
      const response = await app.predict("mood", { inputs: `text number ${i} of many` });
      const body = (await response.json()) as { code?: string };
      if (response.status === 200) return "answered";
      expect(response.headers.get("retry-after")).not.toBeNull();
      refused.push(response);
      return `${response.status} ${body.code}`;
    });
    while (refused.length === 0) await clock.wait(1);
    app.allowRuns(Infinity);
    const kinds = new Set(await Promise.all(verdicts));
    expect(kinds).toContain("answered");
    expect(kinds).toContain("503 overloaded");
    kinds.delete("503 deadline-exceeded"); // of a machine that is busy with something else
    expect(kinds.size).toBe(2);
  });

  it("refuses a request that is too much even for an idle Worker, for good", async () => {
    const app = await testApp({ REQUEST_CPU_MS: 100, MICROS_PER_TOKEN: 50_000 });
    const response = await app.predict("mood", { inputs: "seven or more tokens of text" });
    expect(response.status).toBe(413);
    expect(response.headers.get("retry-after")).toBeNull();
    expect(((await response.json()) as Problem).code).toBe("request-too-expensive");
  });

  it("begins nothing that would grow the heap past its limit", async () => {
    const app = await testApp({ MAX_HEAP_BYTES: 1_000_000 });
    const response = await app.predict("mood", { inputs: "any text" });
    expect(response.status).toBe(503);
    expect(((await response.json()) as Problem).code).toBe("heap-limit");
  });
});

describe("clients that leave in the middle of their bodies", () => {
  it("are counted no more, and keep no other request from being answered", async () => {
    const app = await testApp({ MICROS_PER_TOKEN: 50_000 });
    const open = async (): Promise<number> => {
      const metrics = await app.fetch(new Request("https://worker/metrics"));
      return Number(/requests_open (\d+)/.exec(await metrics.text())![1]);
    };
    const clients = Array.from({ length: 50 }, () => {
      const abort = new AbortController();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      void writable.getWriter().write(new TextEncoder().encode("{"));
      const answer = app.fetch(
        new Request("https://worker/v1/tasks/mood/predict", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: readable,
          signal: abort.signal,
        }),
      );
      answer.catch(() => undefined); // no client is there to read it
      return abort;
    });
    expect(await open()).toBe(50);
    const honest = await app.predict("mood", { inputs: "sent while they are open" });
    expect(honest.status).toBe(200);
    await honest.text();
    for (const client of clients) client.abort();
    expect(await open()).toBe(0);
  });
});
