/** `export-peft`: a task becomes an adapter that `PeftModel.from_pretrained` loads. */
import { join } from "node:path";
import { parseJson } from "../../src/core/text.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import { baseFolder, bundledBaseDir } from "../base/names.ts";
import { UsageError, defineCommand, required } from "../cli/command.ts";
import { readFileOf, replaceFolder } from "../node/files.ts";
import { ADAPTER_CONFIG, ADAPTER_MODEL, HEAD_FILE, MODEL_CONFIG } from "../peft/adapter-files.ts";
import { exportAdapter } from "../peft/export.ts";
import { openTaskFolder, readTaskFolder } from "../task/task-folder.ts";

/** Entries that a folder may hold which a new export replaces; PEFT writes a README. */
const OWN = [ADAPTER_CONFIG, ADAPTER_MODEL, HEAD_FILE, MODEL_CONFIG, "README.md"];

export const command = defineCommand({
  summary: "turn a task into an adapter that PEFT loads (prefix tuning or LoRA)",
  usage: "TASK_DIR --out ADAPTER_DIR [--base DIR] [--model ID] [--features]",
  example:
    "npx edge-prefix export-peft prefixes/my-task --base models/minilm --out my-adapter --model sentence-transformers/all-MiniLM-L6-v2",
  options: {
    out: { type: "string", short: "o", value: "DIR", hint: "adapter folder to write" },
    base: {
      type: "string",
      value: "DIR",
      hint: "base folder of the task (default: models/<the base the task names>)",
    },
    model: {
      type: "string",
      value: "ID",
      hint: "the base's checkpoint, a hub id or a folder: what PEFT loads beneath the adapter",
    },
    features: {
      type: "boolean",
      hint: "an adapter of the bare encoder, and the head in head.safetensors: for pooling mean or cls, and heads that transformers' models have not",
    },
  },
  async run({ values, positionals, io }) {
    const [dir, ...more] = positionals;
    if (dir === undefined || more.length > 0) {
      throw new UsageError(`export-peft: expected one TASK_DIR, found ${positionals.length}`);
    }
    const out = required(values.out, "--out");
    const { manifest } = await readTaskFolder(dir);
    const base = await readBaseFolder(
      baseFolder(values.base) ?? bundledBaseDir(manifest.base.name),
    );
    const task = await openTaskFolder(dir, base.manifest);
    const prefix = await readFileOf(dir, "prefix.safetensors", "task-folder-not-found");
    const { files, kind, taskType, notes } = exportAdapter(task, prefix, base, {
      model: values.model ?? checkpointOf(base.files.get(MODEL_CONFIG)!),
      features: values.features === true,
    });
    await replaceFolder(out, files, {
      owns: (entry) => OWN.includes(entry),
      what: "an adapter",
    });
    const { num_virtual_tokens: length, position_offset: offset, pooling } = manifest;
    const linears = task.prefix.lowRank?.size ?? 0;
    const bytes = [...files.values()].reduce((sum, each) => sum + each.byteLength, 0);
    if (io.json) {
      const what = { peft_type: kind, task_type: taskType, num_virtual_tokens: length, linears };
      const about = { position_offset: offset, pooling, bytes, notes };
      io.out(JSON.stringify({ task: manifest.task, out, ...what, ...about }));
      return 0;
    }
    for (const note of notes) io.err(`note: ${note}`);
    const size = kind === "LORA" ? `${linears} linears` : `P ${length}`;
    io.out(`${join(out, ADAPTER_MODEL)}: ${kind}, ${taskType}, ${size}, ${bytes} bytes in all`);
    return 0;
  },
});

/** The name that transformers wrote into config.json; empty where there is none. */
function checkpointOf(config: Uint8Array): string {
  const { _name_or_path: name } = parseJson(config, MODEL_CONFIG) as { _name_or_path?: unknown };
  return typeof name === "string" ? name : "";
}
