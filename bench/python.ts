/** A Python process of the user's choice, which runs a script of this folder; its last words explain a failure. */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { stopTree } from "../scripts/node/process-tree.ts";
import { InputError } from "../src/core/errors.ts";

const MAX_STDERR_CHARS = 2_000;

export interface PythonProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** Settles when it has ended, or could not be started. */
  readonly ended: Promise<unknown>;
  /** The end of what it wrote to standard error. */
  said(): string;
}

/** Starts a script. `threads` is for the libraries that read OMP_NUM_THREADS. */
export function startPython(
  python: string,
  args: readonly string[],
  threads?: number,
): PythonProcess {
  const child = spawn(python, args, {
    ...(threads !== undefined && { env: { ...process.env, OMP_NUM_THREADS: String(threads) } }),
  });
  child.stdin.on("error", () => undefined); // the exit code says it
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-MAX_STDERR_CHARS);
  });
  const ended = once(child, "close").catch((error: Error) => {
    stderr += error.message;
  });
  return { child, ended, said: () => stderr.trim() };
}

export interface PythonRun {
  readonly python: string;
  readonly script: string;
  /** What the script reads from standard input, as JSON. */
  readonly request: unknown;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Says after an error which interpreter is wanted. */
  readonly wants: string;
}

/** Runs a script that answers in lines; false after an interrupt. Throws InputError `python-failed`. */
export async function runPython(
  { python, script, request, threads, signal, wants }: PythonRun,
  onLine: (line: string) => void,
): Promise<boolean> {
  const { child, ended, said } = startPython(python, [script], threads);
  const stop = (): void => void stopTree(child, ended);
  signal.addEventListener("abort", stop, { once: true });
  child.stdin.end(JSON.stringify(request));
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  await ended;
  signal.removeEventListener("abort", stop);
  if (signal.aborted) return false;
  if (child.exitCode === 0) return true;
  throw pythonFailed(python, said(), wants);
}

export const pythonFailed = (python: string, why: string, wants: string): InputError =>
  new InputError("python-failed", `${python}: ${why}; --python names ${wants}`);
