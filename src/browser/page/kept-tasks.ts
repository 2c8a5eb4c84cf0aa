/** Tasks that this browser has loaded before: what the page lists where the server cannot be reached. */
import type { TaskDescription } from "./client.ts";
import type { BrowserPredictor } from "../browser.ts";

/** The tasks whose files this browser has kept, described by their manifests as the server does. */
export async function keptTasks(
  predictor: Pick<BrowserPredictor, "base" | "task" | "tasks">,
): Promise<TaskDescription[]> {
  const names = await predictor.tasks();
  const found = names.map(async (name) => {
    const task = await predictor.task(name).catch(() => null);
    if (task === null) return [];
    const { manifest, version } = task;
    const { thresholds, examples, other, ...rest } = manifest;
    return [
      {
        ...rest,
        ...(other ? { other: other.label } : {}),
        base: predictor.base,
        version,
        labels: [...manifest.labels],
        thresholds: thresholds && [...thresholds],
        examples: examples.map((example) => ({ ...example })),
      },
    ];
  });
  return (await Promise.all(found)).flat();
}
