/** The tiny graph that an isolate runs while it waits for its base. */
import { expect, it } from "vitest";
import { warmUpGraph } from "../../scripts/import/warm-up.ts";
import { decodeModel } from "../../scripts/onnx/proto.ts";
import { createWebSession } from "../../scripts/runtime-web.ts";
import type { Session } from "../../src/runtime/session.ts";
import { warmUp } from "../../src/runtime/warm-up.ts";
import { makeTinyBase } from "../support/tiny-base.ts";

const opsOf = (bytes: Uint8Array): string[] => {
  const { graph } = decodeModel(bytes) as { graph: { node: { op_type: string }[] } };
  return [...new Set(graph.node.map((node) => node.op_type))].sort();
};

it("has every op of an imported base, so that the real graph finds them compiled", async () => {
  const base = await makeTinyBase({ dtype: "int8", seed: 1 });
  // Sum adds the outputs of all layers but the last: of one layer there is only the embeddings'.
  const ops = opsOf(base.graphFiles.graph).filter((op) => op !== "Sum");
  expect(opsOf(warmUpGraph())).toEqual(ops);
});

it("runs once and leaves no session open", async () => {
  const calls: string[] = [];
  await warmUp(async (files) => {
    const session = await createWebSession(files);
    const watched: Session = {
      ...session,
      async run(feeds, fetches) {
        const outputs = await session.run(feeds, fetches);
        calls.push(`run ${outputs["last_hidden_state"]!.dims.join("x")}`);
        return outputs;
      },
      async release() {
        await session.release();
        calls.push("release");
      },
    };
    return watched;
  });
  expect(calls).toEqual(["run 1x2x16", "release"]);
});
