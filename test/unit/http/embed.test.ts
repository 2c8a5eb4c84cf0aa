/**
 * What clients of Hugging Face send to embeddings: huggingface_hub 1.x puts its parameters beside the
 * inputs and names the direction "left" or "right", text-embeddings-inference says "Left" and "Right".
 */
import { describe, expect, it } from "vitest";
import { readEmbedRequest } from "../../../src/http/schemas/schema.ts";
import { fakeApp } from "../../support/fake-app.ts";

const embed = (body: object): Promise<Response> =>
  fakeApp().request("/v1/embed", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: "a text", ...body }),
  });

describe("an embedding", () => {
  it.each([
    { truncation_direction: "right" },
    { truncation_direction: "Right" },
    { truncation_direction: null },
    { truncate: true, truncation_direction: "right", normalize: null, prompt_name: null },
    { prompt_name: "" },
    { parameters: { truncate: true, truncation_direction: "right" } },
    { parameters: null },
  ])("is answered with %j", async (body) => {
    expect((await embed(body)).status).toBe(200);
  });

  it.each([
    [
      { truncation_direction: "left" },
      '/truncation_direction: must be "right": a long text can only be cut at its end, is "left"',
    ],
    [
      { truncation_direction: "Left" },
      '/truncation_direction: must be "right": a long text can only be cut at its end, is "Left"',
    ],
    [{ truncation_direction: 1 }, "/truncation_direction: is 1, expected a string"],
    [
      { prompt_name: "query" },
      '/prompt_name: must be left out: the base has no prompts, is "query"',
    ],
    [
      { parameters: { truncation_direction: "left" } },
      '/parameters/truncation_direction: must be "right": a long text can only be cut at its end, is "left"',
    ],
    [{ parameters: { top_k: 1 } }, "/parameters/top_k: is not known here"],
  ])("with %j is refused with the reason", async (body, detail) => {
    const response = await embed(body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain(detail);
  });

  it("reads parameters beside the inputs before those below them", () => {
    const parameters = { normalize: true, truncate: true, pooling: "cls" };
    expect(readEmbedRequest({ inputs: "a", normalize: false, parameters }).parameters).toEqual({
      normalize: false,
      truncate: true,
      pooling: "cls",
    });
  });
});
