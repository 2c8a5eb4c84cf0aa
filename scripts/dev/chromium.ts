/**
 * The Chromium of tests and benchmarks: the one that npm installs (@sparticuz/chromium) on Linux with x64,
 * elsewhere a Chrome that is installed. `CHROME_PATH` names another one. Nothing is downloaded.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, LaunchOptions } from "playwright";

/** How to launch the browser, or why there is none. */
export type FoundChromium =
  { readonly launch: LaunchOptions; readonly missing?: never } | { readonly missing: string };

const ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"];
/** SwiftShader stands in for a GPU; without these a page is offered none. */
const GPU_ARGUMENTS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Where Chrome lies on other systems. */
const INSTALLED = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:/Program Files/Google/Chrome/Application/chrome.exe",
  "/usr/bin/google-chrome",
];

/** What this process or one above it has found, as JSON: a browser is unpacked once a run. */
const FOUND = "TEST_CHROMIUM";

let finding: Promise<FoundChromium> | undefined;

/** Finds the browser and unpacks it; what was unpacked is removed when the process ends. */
export function findChromium(): Promise<FoundChromium> {
  finding ??= find();
  return finding;
}

/** Starts the browser, with WebGPU on the CPU where `hasGpu` is set. Throws where there is none. */
export async function launchChromium({ hasGpu = false } = {}): Promise<Browser> {
  const { chromium } = await import("playwright");
  const found = await findChromium();
  if (found.missing !== undefined) throw new Error(found.missing);
  return chromium.launch(hasGpu ? withGpu(found.launch) : found.launch);
}

/** The same launch with WebGPU on the CPU. */
export const withGpu = (launch: LaunchOptions): LaunchOptions => ({
  ...launch,
  args: [...ARGUMENTS, ...GPU_ARGUMENTS],
});

async function find(): Promise<FoundChromium> {
  const known = process.env[FOUND];
  if (known !== undefined) return JSON.parse(known) as FoundChromium;
  const path = process.env["CHROME_PATH"] ?? INSTALLED.find((each) => existsSync(each));
  const canUnpack = process.platform === "linux" && process.arch === "x64";
  if (process.env["CHROME_PATH"] === undefined && canUnpack) return tell(await unpack());
  if (path !== undefined) return tell({ executablePath: path });
  return {
    missing: `there is no browser for this on ${process.platform} ${process.arch}: install Chrome, or name a Chromium by CHROME_PATH`,
  };
}

/** Tells the processes that this one starts. */
function tell(options: LaunchOptions): FoundChromium {
  const found = { launch: { headless: true, args: ARGUMENTS, ...options } };
  process.env[FOUND] = JSON.stringify(found);
  return found;
}

/**
 * The package unpacks into the temporary folder, takes any chromium that lies there already, and
 * unpacks its libraries only where it takes the machine for AWS Lambda: so it is given a folder of its
 * own, and told so.
 */
async function unpack(): Promise<LaunchOptions> {
  const folder = mkdtempSync(join(tmpdir(), "edge-prefix-chromium-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const before = { ...process.env };
  try {
    process.env["TMPDIR"] = folder;
    process.env["AWS_EXECUTION_ENV"] = "AWS_Lambda_nodejs22.x";
    const { default: chromium } = await import("@sparticuz/chromium");
    const executablePath = await chromium.executablePath();
    const fonts = join(folder, "fonts.conf");
    writeFileSync(fonts, fontSettings([join(folder, "fonts"), "/usr/share/fonts"]));
    const own = { HOME: folder, FONTCONFIG_FILE: fonts, AWS_EXECUTION_ENV: undefined };
    const changed = { ...process.env, ...own };
    const env = Object.entries(changed).filter((entry): entry is [string, string] =>
      entry.every((part) => part !== undefined),
    );
    return { executablePath, env: Object.fromEntries(env) };
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** The package's own settings look for fonts where AWS has them; without any the browser ends at a screenshot. */
const fontSettings = (folders: readonly string[]): string =>
  `<?xml version="1.0"?><fontconfig>${folders.map((path) => `<dir>${path}</dir>`).join("")}</fontconfig>`;
