/** `import-peft`: an adapter that PEFT saved becomes a task folder, every bit of it kept (F32). */
import { basename, resolve } from "node:path";
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { checkName } from "../../src/core/format/keys.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
} from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import {
  checkAdapterFitsBase,
  defaultPositionOffset,
  poolingOf,
  readPeftAdapter,
} from "../task/peft-adapter.ts";
import { taskCard } from "../../src/report/task-card.ts";
import { taskFacts } from "../../src/report/task-facts.ts";
import { writeTaskFolder } from "../task/task-folder.ts";
import { packTask } from "../../src/learn/task/packed-task.ts";
import { EMPTY_SPEC, writeTaskSpec } from "../../src/learn/task/spec.ts";
import { baseFolder } from "../base/names.ts";
import { UsageError, defineCommand, readInteger, required } from "../cli/command.ts";
import { sha256 } from "../node/hash.ts";

/** What the answers are, for people. */
const KINDS = {
  single_label_classification: (count: number) => `${count} labels`,
  multi_label_classification: (count: number) => `${count} labels, any number of them a text`,
  regression: () => "a number",
};

export const command = defineCommand({
  summary: "turn a PEFT prefix-tuning adapter into a task folder",
  usage: "ADAPTER_DIR --base DIR --out TASK_DIR [--position-offset N]",
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
    const base = (await readBaseFolder(baseFolder(required(values.base, "--base")))).manifest;
    const adapter = await readPeftAdapter(dir, values["label-names"]);
    checkAdapterFitsBase(adapter, base);
    const offset =
      readInteger(values["position-offset"], "--position-offset", { min: 0, max: 1024 }) ??
      defaultPositionOffset(adapter, base);
    const pooling = poolingOf(adapter, base);

    const { type, problemType, labels, numVirtualTokens, promptEmbeddings, weight, bias } = adapter;
    const packed = await packTask(
      {
        task: name,
        type,
        problem_type: problemType,
        labels,
        num_virtual_tokens: numVirtualTokens,
        position_offset: offset,
        pooling,
        max_length: maxLengthOf(base.configuration) - offset,
        temperature: 1,
        thresholds: null,
        other: null,
        measured_on: null,
        examples: [],
        metrics: {},
        created: new Date().toISOString(),
      },
      base,
      new Map([
        [PROMPT_EMBEDDINGS, float32(promptEmbeddings.dims, promptEmbeddings.values)],
        [CLASSIFIER_WEIGHT, float32(weight.dims, weight.values)],
        [CLASSIFIER_BIAS, float32([bias.length], bias)],
      ]),
      "float32",
      sha256,
    );
    const spec = {
      ...EMPTY_SPEC,
      name,
      description: `Imported from a PEFT adapter${adapter.trainedOn ? ` for ${adapter.trainedOn}` : ""}.`,
      base: base.name,
      type,
      problem_type: problemType,
      labels,
      method: "prefix" as const,
      num_virtual_tokens: numVirtualTokens,
      ...(pooling !== "none" && { pooling }),
    };
    const { version } = packed.task;
    const card = taskCard(taskFacts(packed.task.manifest, base, { method: "prefix", version }));
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
            position_offset: offset,
            pooling,
          })
        : `${out}: version ${version}, ${type}, ${KINDS[problemType](labels.length)}, P ${numVirtualTokens}, position_offset ${offset}, pooling ${pooling}`,
    );
    return 0;
  },
});
