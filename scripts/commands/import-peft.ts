/** `import-peft`: an adapter that PEFT saved becomes a task folder, every bit of it kept unless F16 is asked for. */
import { basename, resolve } from "node:path";
import { checkName } from "../../src/core/format/keys.ts";
import type { Task } from "../../src/core/format/task.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import { packAdapter } from "../peft/pack-adapter.ts";
import { readPeftAdapter } from "../peft/adapter.ts";
import { taskCard } from "../../src/report/task-card.ts";
import { taskFacts } from "../../src/report/task-facts.ts";
import { writeTaskFolder } from "../task/task-folder.ts";
import { EMPTY_SPEC, writeTaskSpec } from "../../src/learn/task/spec.ts";
import { baseFolder } from "../base/names.ts";
import { UsageError, defineCommand, readChoice, readInteger, required } from "../cli/command.ts";

/** What the answers are, for people. */
const KINDS = {
  single_label_classification: (count: number) => `${count} labels`,
  multi_label_classification: (count: number) => `${count} labels, any number of them a text`,
  regression: () => "a number",
};

const DTYPES = ["float32", "float16"] as const;

/** What the encoder gets, for people. */
function whatOf({ prefix: { lowRank, deltas, numVirtualTokens } }: Task): string {
  if (!lowRank) return `P ${numVirtualTokens}`;
  return `LoRA of ${lowRank.size} linears${deltas ? " and biases" : ""}`;
}

export const command = defineCommand({
  summary: "turn a PEFT adapter (prefix tuning or LoRA) into a task folder",
  usage: "ADAPTER_DIR --base DIR --out TASK_DIR [--dtype float32|float16] [--position-offset N]",
  example: "npx edge-prefix import-peft my-adapter --base models/minilm --out prefixes/my-task",
  options: {
    base: {
      type: "string",
      value: "DIR",
      hint: "base of the checkpoint that the adapter was trained on",
    },
    out: { type: "string", short: "o", value: "DIR", hint: "task folder to write" },
    name: { type: "string", value: "NAME", hint: "name of the task (default: the folder's)" },
    "label-names": {
      type: "string",
      value: "A,B,..",
      hint: "names of the labels in their order, or label=name,.. (default: id2label of the config.json beside the adapter)",
    },
    dtype: {
      type: "string",
      value: "D",
      default: "float32",
      hint: "float32 keeps every bit, float16 is half as large",
    },
    "position-offset": {
      type: "string",
      value: "N",
      hint: "position of the first token (default: as PEFT numbers them)",
    },
  },
  async run({ values, positionals, io }) {
    const [dir, ...more] = positionals;
    if (dir === undefined || more.length > 0) {
      throw new UsageError(`import-peft: expected one ADAPTER_DIR, found ${positionals.length}`);
    }
    const out = required(values.out, "--out");
    const name = checkName("task", values.name ?? basename(resolve(out)));
    const dtype = readChoice(values.dtype, "--dtype", DTYPES);
    const folder = await readBaseFolder(baseFolder(required(values.base, "--base")));
    const base = folder.manifest;
    const adapter = await readPeftAdapter(dir, values["label-names"]);
    const positionOffset = readInteger(values["position-offset"], "--position-offset", {
      min: 0,
      max: 1024,
    });
    const packed = await packAdapter(adapter, folder, { task: name, positionOffset, dtype });
    const { type, problemType, labels, numVirtualTokens } = adapter;
    const { position_offset: offset, pooling } = packed.task.manifest;
    const spec = {
      ...EMPTY_SPEC,
      name,
      description: `Imported from a PEFT adapter${adapter.trainedOn ? ` for ${adapter.trainedOn}` : ""}.`,
      base: base.name,
      type,
      problem_type: problemType,
      labels,
      // LoRA is imported and served; `train` has no such method.
      ...(!adapter.lora && { method: "prefix" as const, num_virtual_tokens: numVirtualTokens }),
      ...(pooling !== "none" && { pooling }),
    };
    const { version } = packed.task;
    const method = adapter.lora ? "lora" : "prefix";
    const card = taskCard(taskFacts(packed.task.manifest, base, { method, version }));
    await writeTaskFolder(out, packed, { taskJson: writeTaskSpec(spec), card, report: null });
    io.out(
      io.json
        ? JSON.stringify({
            task: name,
            out,
            version,
            type,
            problem_type: problemType,
            labels,
            num_virtual_tokens: numVirtualTokens,
            linears: packed.task.prefix.lowRank?.size ?? 0,
            bytes: packed.prefixBytes.byteLength,
            position_offset: offset,
            pooling,
          })
        : `${out}: version ${version}, ${type}, ${KINDS[problemType](labels.length)}, ${whatOf(packed.task)}, position_offset ${offset}, pooling ${pooling}`,
    );
    return 0;
  },
});
