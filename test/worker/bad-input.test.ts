/** Bad requests and bad artifacts against the whole app in workerd: a stable code, and all else goes on. */
import { beforeAll, describe, expect, it } from "vitest";
import { blobKey, taskKey } from "../../src/core/format/keys.ts";
import { PROMPT_EMBEDDINGS } from "../../src/core/model/shapes.ts";
import type { TinyTaskOptions } from "../support/tiny-task.ts";
import { predictRequest, testApp, verdictOf } from "./app-support.ts";
import { baseManifest, makeTask, putTask, putVersion, r2, seedBases } from "./support.ts";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});

describe("a bad request", () => {
  it.each<[string, unknown, string]>([
    ["no JSON", "hello", "400 json-invalid"],
    ["a wrong type", { inputs: 5 }, "400 request-invalid"],
    ["a wrong type in a list", { inputs: ["a", 5] }, "400 request-invalid"],
    ["an empty text", { inputs: "" }, "422 text-empty"],
    ["a lone surrogate", '{"inputs": "a \\ud83d b"}', "422 text-not-unicode"],
    ["1 MB of text", { inputs: "word ".repeat(200_000) }, "413 text-too-long"],
    ["3 MB of text", { inputs: "word ".repeat(600_000) }, "413 body-too-large"],
    ["10,000 inputs", { inputs: Array.from({ length: 10_000 }, () => "a") }, "413 too-many-inputs"],
    ["no inputs", { inputs: [] }, "422 inputs-empty"],
    ["an unknown parameter", { inputs: "a", parameters: { topk: 1 } }, "400 parameter-invalid"],
    [
      "an unknown value",
      { inputs: "a", parameters: { function_to_apply: "relu" } },
      "400 parameter-invalid",
    ],
    [
      "a window that is too long",
      { inputs: "a", parameters: { max_length: 65 } },
      "400 max-length-invalid",
    ],
    [
      "a window without room",
      { inputs: "a", parameters: { max_length: 2 } },
      "400 max-length-invalid",
    ],
    [
      "a stride without progress",
      { inputs: "a ".repeat(100), parameters: { max_length: 16, stride: 14 } },
      "400 stride-invalid",
    ],
    [
      "two long texts in a pair",
      { inputs: { text: "a ".repeat(100), text_pair: "b ".repeat(100) } },
      "413 pair-too-long",
    ],
  ])("with %s is refused before the model runs", async (_, body, expected) => {
    const app = await testApp();
    expect(await verdictOf(await app.predict("mood", body))).toBe(expected);
    expect(app.runs).toBe(0);
  });

  it("says which parameter is at fault, also where only a long text shows it", async () => {
    const app = await testApp();
    const parameters = { max_length: 16, stride: 14 };
    const response = await app.predict("mood", { inputs: "a ".repeat(100), parameters });
    expect(await response.json()).toMatchObject({
      errors: [{ path: "/parameters/stride", code: "stride-invalid" }],
    });
  });

  it("with more windows than allowed is refused, and cut when it says so", async () => {
    const app = await testApp({ MAX_WINDOWS: 3 });
    const inputs = "a ".repeat(1_000);
    expect(await verdictOf(await app.predict("mood", { inputs }))).toBe("413 too-many-windows");
    const truncated = { inputs, parameters: { truncation: true } };
    expect(await verdictOf(await app.predict("mood", truncated))).toBe("200");
  });

  it("of a pair for a token task is refused", async () => {
    const app = await testApp();
    const response = await app.predict("names", { inputs: { text: "a", text_pair: "b" } });
    expect(await verdictOf(response)).toBe("400 pair-not-supported");
  });

  it.each([
    "nothing-here",
    "Not%20A%20Name",
    "..%2f..%2fbases%2fpocket",
    "%F0%9F%98%80",
    "a".repeat(300),
  ])("for the unknown task %s is 404", async (task) => {
    const app = await testApp();
    expect(await verdictOf(await app.predict(task, { inputs: "a" }))).toBe("404 task-not-found");
  });

  it("with GET on the predict route is 405", async () => {
    const app = await testApp();
    const response = await app.fetch(new Request(predictRequest("mood", "").url));
    expect(response.headers.get("allow")).toBe("POST, OPTIONS");
    expect(await verdictOf(response)).toBe("405 method-not-allowed");
  });

  it("that never says how long it is is cut off at the limit", async () => {
    const app = await testApp({ MAX_BODY_BYTES: 1_000 });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const sending = (async () => {
      for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(100).fill(0x20));
      await writer.close();
    })();
    const { url } = predictRequest("mood", "");
    const headers = { "content-type": "application/json" };
    const response = await app.fetch(new Request(url, { method: "POST", headers, body: readable }));
    expect(await verdictOf(response)).toBe("413 body-too-large");
    await sending;
  });

  it("does not disturb good ones beside it", async () => {
    const app = await testApp();
    const bodies = [{ inputs: "good" }, "{", { inputs: "" }, { inputs: "bad" }, { inputs: 1 }];
    const responses = await Promise.all(bodies.map((body) => app.predict("mood", body)));
    expect(responses.map(({ status }) => status)).toEqual([200, 400, 422, 200, 400]);
  });
});

/** Damage to a task's prefix.safetensors that its hash does not show, and what it is answered with. */
const DAMAGES: readonly (readonly [string, Omit<TinyTaskOptions, "task">, string])[] = [
  ["is truncated", { damageBytes: (bytes) => bytes.slice(0, -40) }, "503 task-corrupt"],
  ["is empty", { damageBytes: () => new Uint8Array() }, "503 task-corrupt"],
  ["is noise", { damageBytes: (bytes) => bytes.map((_, i) => (i * 37) % 251) }, "503 task-corrupt"],
  [
    "has a header longer than itself",
    {
      damageBytes(bytes) {
        const copy = bytes.slice();
        new DataView(copy.buffer).setBigUint64(0, 2n ** 62n, true);
        return copy;
      },
    },
    "503 task-corrupt",
  ],
  [
    "has a header that lies about where a tensor ends",
    {
      damageBytes: (bytes) => {
        const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
        const lie = text.replace(/"data_offsets":\[(\d+),(\d+)\]/, (all) =>
          all.replace(/\d/g, "9"),
        );
        expect(lie).not.toBe(text);
        return Uint8Array.from(lie, (character) => character.charCodeAt(0));
      },
    },
    "503 task-corrupt",
  ],
  [
    "carries a NaN",
    {
      damageTensors: (tensors) => void (tensors.get(PROMPT_EMBEDDINGS)!.data[5] = NaN),
    },
    "503 task-corrupt",
  ],
  [
    "carries an infinity in its head",
    { damageTensors: (tensors) => void (tensors.get("classifier.bias")!.data[0] = Infinity) },
    "503 task-corrupt",
  ],
  [
    "lacks its head",
    { damageTensors: (tensors) => void tensors.delete("classifier.weight") },
    "503 task-corrupt",
  ],
];

describe("a task whose prefix", () => {
  it.each(DAMAGES)(
    "%s answers with its code and leaves the others alone",
    async (_, damage, expected) => {
      await putTask(await makeTask({ task: "damaged", ...damage }));
      const app = await testApp();
      const [damaged, good] = await Promise.all([
        app.predict("damaged", { inputs: "film" }),
        app.predict("mood", { inputs: "film" }),
      ]);
      expect(await verdictOf(damaged)).toBe(expected);
      expect(await verdictOf(good)).toBe("200");
      const list = (await (await app.fetch(new Request("https://worker/v1/tasks"))).json()) as {
        tasks: { task: string; error?: { code: string } }[];
      };
      expect(list.tasks.find(({ task }) => task === "damaged")?.error?.code).toBe("task-corrupt");
      expect(list.tasks.find(({ task }) => task === "mood")).not.toHaveProperty("error");
    },
  );

  it.each(DAMAGES)("%s does not replace the good version in memory", async (_, damage) => {
    const good = await makeTask({ task: "replaced", seed: 3 });
    await putTask(good);
    const app = await testApp();
    const before = await app.predict("replaced", { inputs: "film" });
    expect(before.headers.has("x-task-stale")).toBe(false);
    await putTask(await makeTask({ task: "replaced", ...damage }), good);
    for (let again = 0; again < 2; again++) {
      const after = await app.predict("replaced", { inputs: "film" });
      expect(after.status).toBe(200);
      expect(after.headers.get("x-task-stale")).toBe("true");
      expect(after.headers.get("x-task-version")).toBe(good.version);
    }
    // A repaired push is live on the next request.
    const repaired = await makeTask({ task: "replaced", seed: 4 });
    await putTask(repaired, good);
    const fresh = await app.predict("replaced", { inputs: "film" });
    expect(fresh.headers.get("x-task-version")).toBe(repaired.version);
    expect(fresh.headers.has("x-task-stale")).toBe(false);
  });

  it("was made for another base is a conflict, and so in memory", async () => {
    const foreign = await makeTask({ task: "foreign" }, baseManifest("pocket-fp32"));
    await putTask(foreign);
    const app = await testApp();
    expect(await verdictOf(await app.predict("foreign", { inputs: "film" }))).toBe(
      "409 prefix-base-mismatch",
    );
    const good = await makeTask({ task: "foreign" });
    await putTask(good);
    expect(await verdictOf(await app.predict("foreign", { inputs: "film" }))).toBe("200");
    await putTask(foreign);
    const after = await app.predict("foreign", { inputs: "film" });
    expect([after.status, after.headers.get("x-task-version")]).toEqual([200, good.version]);
  });

  it("was changed after it was hashed is found out", async () => {
    const made = await makeTask({ task: "tampered", seed: 5 });
    await putTask(made);
    const bytes = made.prefixBytes.slice();
    bytes[bytes.length - 3]! ^= 1;
    await r2.put(blobKey(made.manifest.prefix.sha256), bytes);
    const app = await testApp();
    expect(await verdictOf(await app.predict("tampered", { inputs: "film" }))).toBe(
      "503 task-corrupt",
    );
  });

  it("is missing is found out", async () => {
    const made = await makeTask({ task: "missing", seed: 6 });
    await putTask(made);
    await r2.delete(blobKey(made.manifest.prefix.sha256));
    const app = await testApp();
    expect(await verdictOf(await app.predict("missing", { inputs: "film" }))).toBe(
      "503 task-corrupt",
    );
  });
});

describe("a pointer that", () => {
  it.each([
    ["is no JSON", "tasks are great", "503 task-corrupt"],
    ["is empty", "", "503 task-corrupt"],
    [
      "names no versions",
      JSON.stringify({ task: "pointed", current: "0".repeat(12), versions: [] }),
      "503 task-corrupt",
    ],
    ["is far too large", `"${"x".repeat(2_000_000)}"`, "503 task-corrupt"],
  ])(
    "%s answers 503 without a good version, and the good version with one",
    async (_, pointer, expected) => {
      await r2.put(taskKey("pointed"), pointer);
      const app = await testApp();
      expect(await verdictOf(await app.predict("pointed", { inputs: "film" }))).toBe(expected);
      const good = await makeTask({ task: "pointed" });
      await putTask(good);
      expect((await app.predict("pointed", { inputs: "film" })).status).toBe(200);
      await r2.put(taskKey("pointed"), pointer);
      const after = await app.predict("pointed", { inputs: "film" });
      expect([after.status, after.headers.get("x-task-stale")]).toEqual([200, "true"]);
    },
  );

  it("names another task's version answers for neither by accident", async () => {
    const other = await putVersion(await makeTask({ task: "mood", seed: 9 }));
    const pointer = { task: "borrowed", current: other.version, versions: [other], canary: null };
    await r2.put(taskKey("borrowed"), JSON.stringify(pointer));
    const app = await testApp();
    expect(await verdictOf(await app.predict("borrowed", { inputs: "film" }))).toBe(
      "503 task-corrupt",
    );
  });
});
