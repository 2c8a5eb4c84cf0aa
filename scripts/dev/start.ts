/**
 * `npm start`: puts the base, the bundled tasks and the tasks that are named into local R2 storage
 * when they are not there yet, runs `wrangler dev`, and says how to ask it something. It is ready when
 * /readyz says so, and it leaves nothing running behind it, whichever way it is told to stop.
 *
 * The Worker's log, a line of JSON a request, is shown unless --quiet is given.
 */
import { spawn } from "node:child_process";
import { basename, join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EdgePrefixError, NotFoundError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { UsageError, readChoice } from "../cli/command.ts";
import { imagesFor } from "../images/make.ts";
import { stopTree, watchParent } from "../node/process-tree.ts";
import { openLocalBucket, stateFolder } from "../publish/local-bucket.ts";
import { moveDamagedAside } from "../publish/local-state.ts";
import { resolveOptional } from "../node/optional-package.ts";
import { PACKAGE, findProject } from "../node/project.ts";
import { isTrained, seed } from "../publish/seed.ts";
import type { Seeded } from "../publish/seed.ts";
import { bundledFolders, ownTasks } from "../publish/bundled-tasks.ts";
import { choosePort, waitUntilReady } from "./readiness.ts";
import { registryOf, startBulkWorker, writeForwarding } from "./bulk-worker.ts";
import { showWorkerLog } from "./worker-log.ts";

const DEFAULT_PORT = 8787;
/** Where its wrangler.toml and its local state are, wherever it is started from. */
const CLONE = findProject(PACKAGE);
const DEFAULT_BASE = join(PACKAGE, "models", "pocket");
/** A first start compiles the Worker and loads the base; beyond this something is broken. */
const READY_WITHIN_MS = 120_000;

/** Engines that have an entry of their own, src/worker-NAME.ts. */
const ENGINES = ["simd", "onnxruntime"] as const;
type Engine = (typeof ENGINES)[number];

const HELP = `serve the bundled base and tasks on this machine, as a deployed Worker would

Usage: npm start -- [options] [options of wrangler dev]

Options:
  --port N                   port to listen on (${DEFAULT_PORT}, or a free one)
  --task DIR                 trained task folder to serve, too (may be repeated)
  --base DIR                 base folder (models/pocket)
  --engine simd|onnxruntime  kernels of this project, or onnxruntime-web (simd)
  --persist-to DIR           folder of the local bucket (.wrangler/state)
  --bulk                     also the Worker that answers batches
  --quiet                    no line for each request
  -h, --help                 show this help

Example:
  npm start -- --port 8080 --task prefixes/reviews
`;

export interface StartOptions {
  readonly port: number | undefined;
  readonly base: string;
  /** Task folders to publish besides the bundled ones. */
  readonly tasks: readonly string[];
  readonly persistTo: string | undefined;
  /** undefined is the Worker's default. */
  readonly engine: Engine | undefined;
  /** Shows no log of requests. */
  readonly isQuiet: boolean;
  /** Also the Worker that answers batches. */
  readonly hasBulk: boolean;
  /** Everything else goes to `wrangler dev` as it is. */
  readonly passed: readonly string[];
}

/** Reads the command line; flags that are not ours are passed on. Throws UsageError. */
export function readStartOptions(argv: readonly string[]): StartOptions {
  const own = new Map<string, string>();
  const passed: string[] = [];
  const tasks: string[] = [];
  let isQuiet = false;
  let hasBulk = false;
  const names = ["--port", "--base", "--task", "--engine", "--persist-to"];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? "";
    if (arg === "--quiet") {
      isQuiet = true;
      continue;
    }
    if (arg === "--bulk") {
      hasBulk = true;
      continue;
    }
    const [name = "", inline] = arg.split(/=(.*)/s);
    if (!names.includes(name)) {
      passed.push(arg);
      continue;
    }
    const value = inline ?? argv[++i];
    if (value === undefined || value === "") throw new UsageError(`${name} needs a value`);
    if (name === "--task") tasks.push(value);
    else own.set(name, value);
  }
  const engine = readChoice(own.get("--engine"), "--engine", ENGINES);
  const port = own.get("--port");
  if (
    port !== undefined &&
    !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)
  ) {
    throw new UsageError(`--port is ${JSON.stringify(port)}, expected a number from 1 to 65535`);
  }
  return {
    port: port === undefined ? undefined : Number(port),
    base: own.get("--base") ?? DEFAULT_BASE,
    tasks,
    persistTo: own.get("--persist-to"),
    engine,
    isQuiet,
    hasBulk,
    passed,
  };
}

const has = ({ passed }: StartOptions, flag: string): boolean =>
  passed.some((arg) => arg === flag || arg.startsWith(`${flag}=`));

/** Whether the Worker's log is picked out of what wrangler prints; with its own level, all is shown. */
const showsLog = (options: StartOptions): boolean =>
  !options.isQuiet && !has(options, "--log-level");

/** The arguments of `wrangler dev` for these options. */
export function wranglerArguments(options: StartOptions, port: number, base: string): string[] {
  const entry = options.engine === undefined ? [] : [`src/worker-${options.engine}.ts`];
  return [
    "dev",
    ...entry,
    ...(options.hasBulk ? [`--config=${writeForwarding(PACKAGE)}`] : []),
    `--port=${port}`,
    `--persist-to=${stateFolder(CLONE, options.persistTo)}`,
    `--var=BASE:${base}`,
    // The Worker's lines are of the level "log"; wrangler's own of that level are left out again.
    ...(has(options, "--log-level") ? [] : [`--log-level=${showsLog(options) ? "log" : "warn"}`]),
    // Any free port: looking for one from 9229 on fails when two starts look at the same time.
    ...(has(options, "--inspector-port") ? [] : ["--inspector-port=0"]),
    // Its keyboard shortcuts would need the terminal that Ctrl-C comes from.
    ...(has(options, "--show-interactive-dev-session")
      ? []
      : ["--show-interactive-dev-session=false"]),
    ...options.passed,
  ];
}

/**
 * A command that works as pasted (but for the key, where one is needed) and shows the first task,
 * preferably one that reads sentences.
 */
export function exampleRequest(url: string, { tasks }: Seeded, needsKey = false): string {
  const task = tasks.find((item) => item.type === "sequence") ?? tasks[0];
  const key = needsKey ? " -H 'authorization: Bearer YOUR_KEY'" : "";
  if (!task) return `curl -s ${url}/v1/tasks${key}`;
  const [example] = task.examples;
  const { text, text_pair: pair } = example ?? { text: "Ada Lovelace was born in London" };
  const inputs = pair === undefined ? text : { text, text_pair: pair };
  const body = JSON.stringify({ inputs }).replaceAll("'", "'\\''");
  return [
    `curl -s ${url}/v1/tasks/${task.task}/predict`,
    `-H 'content-type: application/json'${key} -d '${body}'`,
  ].join(" ");
}

/** A named task folder, if there is one. Throws NotFoundError `task-folder-not-found`. */
function checkTrained(folder: string): string {
  if (isTrained(folder)) return folder;
  throw new NotFoundError(
    "task-folder-not-found",
    `--task ${folder}: has no manifest.json; train writes it`,
  );
}

/** Says which trained tasks of prefixes/ were left alone, since nothing named them. */
function sayUnpublished(named: readonly string[], say: (line: string) => void): void {
  const names = named.map((folder) => basename(folder));
  for (const task of ownTasks().filter((name) => !names.includes(name))) {
    say(`not published: prefixes/${task} (npm start -- --task prefixes/${task} does)`);
  }
}

/** Serves until `signal` aborts; returns the exit code. */
export async function start(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (argv.includes("--help") || argv.includes("-h")) {
    say(HELP.trimEnd());
    return 0;
  }
  const options = readStartOptions(argv);
  const port = await choosePort(options.port, DEFAULT_PORT);
  if (options.port === undefined && port !== DEFAULT_PORT) {
    say(`port ${DEFAULT_PORT} is in use, so this server takes ${port}; --port chooses another`);
  }

  await moveDamagedAside(stateFolder(CLONE, options.persistTo), say);
  const bucket = await openLocalBucket(options.persistTo, CLONE);
  let seeded: Seeded;
  try {
    const images = await imagesFor(options.engine);
    const named = options.tasks.map(checkTrained);
    seeded = await seed(bucket, options.base, [...bundledFolders(), ...named], say, images);
    sayUnpublished(named, say);
  } finally {
    await bucket.close();
  }
  if (signal.aborted) return 130;

  const wrangler = resolveOptional("wrangler");
  const state = stateFolder(CLONE, options.persistTo);
  const environment = {
    ...process.env,
    ...registryOf(state),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
  };
  const child = spawn(
    process.execPath,
    ["--no-warnings", wrangler, ...wranglerArguments(options, port, seeded.base.name)],
    {
      cwd: PACKAGE,
      // No input: wrangler then neither asks questions nor listens for keys.
      stdio: ["ignore", showsLog(options) ? "pipe" : "inherit", "inherit"],
      env: environment,
    },
  );
  const log = child.stdout && showWorkerLog(child.stdout, say);
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code) => resolve(code ?? 1));
  });
  const stop = new AbortController();
  void ended.then(() => stop.abort());
  signal.addEventListener("abort", () => stop.abort(), { once: true });

  const bulk = options.hasBulk
    ? await startBulkWorker({
        wrangler,
        state,
        environment,
        folder: PACKAGE,
        base: seeded.base.name,
        variables: variablesIn(options.passed),
        withinMs: READY_WITHIN_MS,
        signal: stop.signal,
      })
    : null;
  const url = `http://localhost:${port}`;
  const missing = await waitUntilReady(`http://127.0.0.1:${port}/readyz`, {
    withinMs: READY_WITHIN_MS,
    signal: stop.signal,
  });
  if (missing === null) {
    say(`\nserving ${shortIdentity(seeded.base)} at ${url}   (Ctrl-C stops it)`);
    const needsKey = await areKeysOn(port, stop.signal);
    if (needsKey !== null) {
      say(`keys: ${needsKey ? "on, requests need one" : KEYS_OFF}`);
      say(`try:  ${exampleRequest(url, seeded, needsKey)}\n`);
    }
    const absent = await bulk?.ready;
    if (bulk) say(absent ? `batches: not ready (${absent})` : `batches: ${url}/v1/batches\n`);
    // What was logged of the probes until now says nothing that the lines above do not.
    log?.open();
    await Promise.race([ended, aborted(signal)]);
  } else if (!stop.signal.aborted) {
    log?.flush();
    process.stderr.write(`error [not-ready]: ${url}/readyz: ${missing}\n`);
  }
  await Promise.all([stopTree(child, ended), bulk?.stop()]);
  if (signal.aborted) return 130;
  return missing === null ? await ended : (await ended) || 1;
}

/** Variables among wrangler's flags, which both Workers have. */
const variablesIn = (passed: readonly string[]): string[] =>
  passed.filter((arg, i) => arg.startsWith("--var") || passed[i - 1] === "--var");

/** How long a server that went away may take to be told apart from one that only fails. */
const GONE_WITHIN_MS = 2_000;
const KEYS_OFF =
  "OFF, everyone who reaches this port may ask (docs/deploy.md says how to set them)";

/** Whether the Worker knows any API keys; null when it is being stopped. */
async function areKeysOn(port: number, stopped: AbortSignal): Promise<boolean | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    const { api_keys: keys } = (await response.json()) as { api_keys?: string };
    return keys === "on";
  } catch (error) {
    // A signal to the whole group takes the server away a moment before this process hears of it.
    await Promise.race([aborted(stopped), pause(GONE_WITHIN_MS, undefined, { ref: false })]);
    if (stopped.aborted) return null;
    throw error;
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

async function runProcess(): Promise<void> {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
  const unwatch = watchParent(stop);
  try {
    process.exitCode = await start(process.argv.slice(2), abort.signal);
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    const label = error instanceof UsageError ? "error" : `error [${error.code}]`;
    process.stderr.write(`${label}: ${relativePaths(error.message)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  } finally {
    unwatch();
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, stop);
  }
}

const relativePaths = (message: string): string =>
  message.replaceAll(PACKAGE, relative(process.cwd(), PACKAGE) || ".");

if (import.meta.main) await runProcess();
