/** multipart/form-data read piece by piece: whatever the pieces are, the fields are those that were sent. */
import fc from "../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { readForm } from "../../../src/http/bulk/multipart-form.ts";

/** The body that undici makes of a form, and its content type. */
async function encode(fields: readonly [string, Uint8Array][]): Promise<[Uint8Array, string]> {
  const form = new FormData();
  for (const [name, bytes] of fields) form.append(name, new Blob([bytes.slice()]), `${name}.bin`);
  const response = new Response(form);
  return [new Uint8Array(await response.arrayBuffer()), response.headers.get("content-type")!];
}

function streamOf(bytes: Uint8Array, sizes: readonly number[]): ReadableStream<Uint8Array> {
  let [at, turn] = [0, 0];
  return new ReadableStream({
    pull(controller) {
      const end = at + (sizes[turn++ % sizes.length] ?? 1);
      if (at < bytes.length) controller.enqueue(bytes.slice(at, end));
      at = end;
      if (at >= bytes.length) controller.close();
    },
  });
}

async function read(bytes: Uint8Array, type: string, sizes: readonly number[]) {
  const found: [string, number[]][] = [];
  for await (const { name, body } of readForm(streamOf(bytes, sizes), type)) {
    const pieces: number[] = [];
    for await (const piece of body) pieces.push(...piece);
    found.push([name, pieces]);
  }
  return found;
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(fc.constantFrom(13, 10, 45, 65), { maxLength: 40 }).map((list) => Uint8Array.from(list)),
);
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("readForm", () => {
  it("gives the fields that were sent, in any pieces", () =>
    fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 3 }), sizes, async (contents, pieces) => {
        const fields = contents.map((content, i): [string, Uint8Array] => [`f${i}`, content]);
        const [body, type] = await encode(fields);
        const expected = fields.map(([name, content]) => [name, [...content]]);
        expect(await read(body, type, pieces)).toEqual(expected);
      }),
    ));

  it("refuses any other body with one code, and never waits for more of it", () =>
    fc.assert(
      fc.asyncProperty(bytes, fc.nat({ max: 400 }), sizes, async (content, cut, pieces) => {
        const [body, type] = await encode([["file", content]]);
        const damaged = body.slice(0, Math.min(cut, body.length - 5));
        await expect(read(damaged, type, pieces)).rejects.toMatchObject({ code: "form-invalid" });
      }),
    ));

  it("passes over a field that is not read", async () => {
    const [body, type] = await encode([
      ["a", new Uint8Array(100)],
      ["b", Uint8Array.of(7)],
    ]);
    const names: string[] = [];
    for await (const { name } of readForm(streamOf(body, [9]), type)) names.push(name);
    expect(names).toEqual(["a", "b"]);
  });
});
