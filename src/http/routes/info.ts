/**
 * GET /v1/info and GET /v1/tasks/:task/info, as Text Embeddings Inference answers /info: of the base with
 * `/v1` as the server's address, of a task with `/v1/tasks/TASK`.
 */
import { maxLengthOf } from "../../core/format/configuration.ts";
import { answerLabels } from "../../core/model/decode.ts";
import { holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import type { Info } from "../schemas/tei-schema.ts";

export function showInfo({ models, tasks, config }: AppDeps): AppHandler {
  return async (c) => {
    const hold = holdOf(c);
    const { manifest: base } = await models.get(hold);
    const name = c.req.param("task");
    const task = name === undefined ? null : await tasks.describe(name, base, { hold });
    const labels = task ? answerLabels(task.manifest) : [];
    const info: Info = {
      model_id: task?.manifest.task ?? base.name,
      model_sha: task?.version ?? base.identity,
      model_dtype: base.dtype,
      model_type: task
        ? {
            classifier: {
              id2label: Object.fromEntries(labels.map((label, id) => [String(id), label])),
              label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
            },
          }
        : { embedding: { pooling: base.pooling ?? "mean" } },
      // An isolate counts work, not requests; a request may have so many inputs.
      max_concurrent_requests: config.maxInputs,
      max_input_length: task?.manifest.max_length ?? maxLengthOf(base.configuration),
      max_batch_tokens: config.scheduler.maxBatchTokens,
      max_client_batch_size: config.maxInputs,
      auto_truncate: false,
      tokenization_workers: 1,
      version: "1",
    };
    return c.json(info);
  };
}
