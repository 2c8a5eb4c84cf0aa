/**
 * Every value that this project computes and that Python computed too, compared: hidden states,
 * PEFT adapters' logits, gradients, AdamW losses, tokenizers, architectures. Prints one JSON
 * document of all differences with their bounds; fails when one is outside.
 */
import { defineCommand, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";

export const bench: Command = defineCommand({
  summary: "every difference to golden values made with PyTorch, as JSON",
  usage: "--golden DIR --checkpoint DIR [--architectures]",
  example:
    "npx edge-prefix bench golden --golden ../shared/golden --checkpoint ../shared/models/all-MiniLM-L6-v2",
  options: {
    golden: { type: "string", value: "DIR", hint: "one set of golden values, or a folder of sets" },
    checkpoint: { type: "string", value: "DIR", hint: "the checkpoint that they were made with" },
    architectures: {
      type: "boolean",
      hint: "also the tiny checkpoints in architectures/ of the golden folder",
    },
  },
  async run({ values, io }) {
    const golden = required(values.golden, "--golden");
    const checkpoint = required(values.checkpoint, "--checkpoint");
    const { checkGolden } = await import("./golden/check.ts");
    const checks = await checkGolden({
      golden,
      checkpoint,
      architectures: values.architectures === true,
      note: (line) => io.err(line),
    });
    const ok = checks.every((check) => check.ok);
    io.out(JSON.stringify({ bench: "golden", golden, checkpoint, ok, checks }, null, 2));
    return ok ? 0 : 1;
  },
});
