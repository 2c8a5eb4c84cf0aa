/**
 * Why a run failed. One row can fail a whole batch, for instance by an id beyond the word table, so
 * the rows of a failed batch are run again one by one. A row that fails alone is at fault only if
 * the encoder still runs another row.
 */
import { InputError, UnavailableError } from "../../core/errors.ts";
import type { EdgePrefixError } from "../../core/errors.ts";
import { emptyPrefix } from "../../core/model/prefix.ts";
import type { Row } from "../../core/model/rows.ts";
import type { LoadedBase } from "../../engine/engine.ts";

/**
 * The error of a row that failed alone: InputError `text-not-runnable` when the row is at fault,
 * since the same text would fail again; UnavailableError `run-failed` when the encoder is.
 */
export async function failureOf(
  base: LoadedBase,
  row: Row,
  cause: unknown,
): Promise<EdgePrefixError> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (await canRun(base)) {
    return new InputError(
      "text-not-runnable",
      `text: the model cannot run its ${row.ids.length} tokens (${reason}); the same text would fail again`,
      { cause },
    );
  }
  return new UnavailableError("run-failed", `run: failed (${reason}); try again later`, { cause });
}

/** Runs a row that every base can run: one padding token, which is in its word table. */
async function canRun({ encoder, manifest: { configuration } }: LoadedBase): Promise<boolean> {
  const row: Row = {
    ids: Int32Array.of(configuration.pad_token_id),
    typeIds: new Int32Array(1),
    prefix: emptyPrefix(configuration),
    positionOffset: 0,
  };
  try {
    await encoder.encode([row], "first");
    return true;
  } catch {
    return false;
  }
}
