/**
 * Real child processes for end-to-end tests: their output, their signals, and whether they leave
 * anything behind. Every wait has a deadline, so that a hang is a failure with its output shown.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { PACKAGE } from "../../scripts/node/project.ts";

export interface Child {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The first match of `pattern` in standard output, as soon as it is there. */
  waitFor(pattern: RegExp, withinMs: number): Promise<RegExpMatchArray>;
  /** The next message of a child that talks over its IPC channel. */
  waitForMessage(withinMs: number): Promise<unknown>;
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** A signal to the process alone, or to its whole group as a terminal's Ctrl-C is. */
  signal(name: NodeJS.Signals, to: "process" | "group"): void;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly ipc?: boolean;
  readonly input?: string;
  /** Default: the project's folder. */
  readonly cwd?: string;
}

/** Starts a TypeScript file of this project under the running Node, in a process group of its own. */
export const startScript = (
  path: string,
  args: readonly string[],
  options: ChildOptions = {},
): Child => startCommand(process.execPath, [join(PACKAGE, path), ...args], options);

/** Starts any program, found on the PATH, in a process group of its own. */
export function startCommand(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Child {
  const child = spawn(command, args, {
    cwd: options.cwd ?? PACKAGE,
    detached: true,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ["pipe", "pipe", "pipe", ...(options.ipc === true ? (["ipc"] as const) : [])],
  });
  const texts = { stdout: "", stderr: "" };
  const changed = new EventTarget();
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
      changed.dispatchEvent(new Event("change"));
    });
  }
  child.stdin?.end(options.input ?? "");
  const pid = child.pid ?? 0;
  const ended = new Promise<number | string>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const fail = (what: string): never => {
    throw new Error(`${command} ${args.join(" ")}: ${what}\n${texts.stdout}\n${texts.stderr}`);
  };
  return {
    pid,
    ended,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    async waitFor(pattern, withinMs) {
      const found = new Promise<RegExpMatchArray>((resolve) => {
        const look = (): void => {
          const match = pattern.exec(texts.stdout);
          if (match) resolve(match);
        };
        changed.addEventListener("change", look);
        look();
      });
      const result = await Promise.race([
        found,
        ended.then((code) => `it ended with ${code}`),
        deadline(withinMs),
      ]);
      return typeof result === "string" ? fail(`${result} before ${pattern} was printed`) : result;
    },
    async waitForMessage(withinMs) {
      const message = once(child, "message").then(([value]: unknown[]) => ({ value }));
      const result = await Promise.race([message, deadline(withinMs)]);
      return typeof result === "string" ? fail(`${result}, no message`) : result.value;
    },
    signal(name, to) {
      process.kill(to === "group" ? -pid : pid, name);
    },
  };
}

/** Runs a script to its end and returns what it printed. */
export function runScript(
  path: string,
  args: readonly string[],
  options: ChildOptions & { readonly withinMs?: number } = {},
): Promise<ChildResult> {
  return endOf(startScript(path, args, options), options);
}

export interface ChildResult {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and returns what it printed. */
export const runCommand = (
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly withinMs?: number } = {},
): Promise<ChildResult> => endOf(startCommand(command, args, options), options);

async function endOf(child: Child, options: { readonly withinMs?: number }): Promise<ChildResult> {
  const code = await Promise.race([child.ended, deadline(options.withinMs ?? 600_000)]);
  if (code === TOO_LATE) child.signal("SIGKILL", "group");
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** The command line in a child process. */
export const runCli = (
  args: readonly string[],
  options: ChildOptions & { readonly withinMs?: number } = {},
) => runScript("scripts/cli.ts", args, options);

/** Whether something accepts connections on a local port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setTimeout(2_000, () => resolve(false));
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });
}

/**
 * Names of the processes of a group that still run (processes that ended but were not collected do not).
 * Reads /proc: elsewhere the list is empty and only the ports tell.
 */
export function runningInGroup(group: number): string[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // `pid (name) state ppid pgrp ..`; the name may hold spaces and parentheses.
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const end = stat.lastIndexOf(")");
        const [state, , pgrp] = stat.slice(end + 2).split(" ");
        const isRunning = Number(pgrp) === group && state !== "Z";
        return isRunning ? [stat.slice(stat.indexOf("(") + 1, end)] : [];
      } catch {
        return []; // It ended between the listing and the look.
      }
    });
}

/** Asks again and again until `isTrue`, at most `withinMs`; returns what it said last. */
export async function eventually(
  isTrue: () => Promise<boolean>,
  withinMs: number,
): Promise<boolean> {
  const end = Date.now() + withinMs;
  for (;;) {
    if (await isTrue()) return true;
    if (Date.now() > end) return false;
    await pause(50);
  }
}

const TOO_LATE = "the deadline passed";
const deadline = (ms: number): Promise<typeof TOO_LATE> =>
  pause(ms, TOO_LATE as typeof TOO_LATE, { ref: false });

/** The test runner's own settings must not reach the programs under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(?:VITEST|NODE_OPTIONS$|NODE_ENV$|npm_|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/.test(
          name,
        ),
    ),
  );
}
