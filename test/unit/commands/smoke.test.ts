/** `npm run smoke` against a server that answers as a Worker does: what it says of the door. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { smoke } from "../../../scripts/dev/smoke.ts";
import { fakeApp } from "../../support/fake-app.ts";

async function smokeOf(key: string | null): Promise<{ isWell: boolean; said: string[] }> {
  const app = fakeApp();
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "GET", url = "/", headers } = request;
      const answer = await app.request(url, {
        method,
        headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
          typeof value === "string" ? [[name, value]] : [],
        ),
        ...(method === "POST" ? { body: Buffer.concat(chunks) } : {}),
      });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const said: string[] = [];
  const { port } = server.address() as AddressInfo;
  const isWell = await smoke(`http://127.0.0.1:${port}`, key, (line) => void said.push(line));
  server.closeAllConnections();
  server.close();
  return { isWell, said };
}

describe("the smoke test of a Worker without keys", () => {
  it("warns that its door is open, and does not call that ok", async () => {
    const { said } = await smokeOf(null);
    const line = said.find((item) => item.includes("guarded"));
    expect(line).toMatch(/^WARNING guarded: API_KEYS is not set, so every caller may ask/);
  });

  it("fails when a key was given, since it guards nothing", async () => {
    const { isWell, said } = await smokeOf("ep_key");
    expect(said.find((item) => item.includes("guarded"))).toMatch(/^FAILED {2}guarded: a key/);
    expect(isWell).toBe(false);
  });
});
