/** docs/dependencies.md: every package of package.json, where it is used, its size and its reason. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../node/project.ts";
import { markdownTable } from "../../../src/report/text.ts";

type Place = "worker" | "tools" | "development";

/**
 * A line a package: place, name, size, reason. Sizes of the Worker are bytes in the
 * bundle (`wrangler deploy --dry-run --metafile`), others those of the installed folder.
 */
const LINES = `
worker | hono | 29 kB | Router and middleware.
worker | onnxruntime-web | 75 kB and 14.2 MB of wasm | Runs bases of floats, and every base where it is chosen (docs/deploy.md); trains in a page. Unpatched.
worker | valibot | 10 kB | Validates requests and describes answers.
worker | @valibot/to-json-schema | 13 kB | Makes /openapi.json of the same schemas.
tools | onnxruntime-node | 294 MB | Runs the training graph. Native code for several systems, hence the size.
tools | aws4fetch | 73 kB | Signs requests to S3, in the Worker for batches too (6 kB there), on top of \`fetch\`.
tools | wrangler | 15 MB | Runs the Worker locally and deploys it.
tools | miniflare | 12 MB | The local bucket.
development | @cloudflare/vitest-plugin | 8.4 MB | Runs tests inside workerd.
development | @cloudflare/workers-types | 2.5 MB | Types of the Workers platform.
development | assemblyscript | 8 MB and 94 MB of binaryen | Compiles the kernels of the engine (\`npm run kernels\`); the compiled file is part of the repository.
development | vitest | 2.9 MB | Runs the tests.
development | @vitest/coverage-v8 | 38 kB | Counts which lines the tests reach.
development | fast-check | 1.5 MB | Random inputs for property tests.
development | playwright | 19 MB | Drives Chromium in tests of the page.
development | @sparticuz/chromium | 67 MB | The Chromium of those tests on Linux (x64), from the registry alone.
development | @vitest/browser-playwright | 84 kB | Runs a test file inside that Chromium.
development | axe-core | 3.4 MB | Looks for what a screen reader or a keyboard cannot use.
development | esbuild | 12 MB | Bundles the page and the module for browsers.
development | yaml | 1.4 MB | Reads the front matter of cards in tests.
development | @huggingface/inference | 1.5 MB | The client that must work unchanged; used by tests alone.
development | openai | 24 MB | OpenAI's client, which must work unchanged; used by tests alone.
development | ai | 8.8 MB | Vercel's AI SDK, which must work unchanged; used by tests alone.
development | @ai-sdk/openai-compatible | 508 kB | The AI SDK's way to an endpoint of OpenAI's shape; used by tests alone.
development | @huggingface/tokenizers | 400 kB | The peer that \`bench tokenizers\` measures beside.
development | typescript | 2.5 MB | Checks types.
development | publint | 131 kB | Checks what the package exports.
development | @arethetypeswrong/cli | 70 kB | Checks the types that the package exports.
development | oxlint | 2.4 MB | Checks code.
development | prettier | 11 MB | Formats code and documents.
development | node | 189 MB | The Node release that the tools run on, whatever the machine has.
development | @types/node | 2.6 MB | Types of Node.
`;

interface Line {
  readonly place: string;
  readonly name: string;
  readonly size: string;
  readonly reason: string;
}

const ALL: readonly Line[] = LINES.trim()
  .split("\n")
  .map((line) => {
    const [place = "", name = "", size = "", reason = ""] = line.split(" | ");
    return { place, name, size, reason };
  });

/** A table of the packages of one place; throws when the list and package.json differ. */
export function dependencyTable(place: Place): string {
  const versions = versionsInPackageJson();
  const listed = new Set(ALL.map(({ name }) => name));
  const wrong = [
    ...[...versions.keys()].filter((name) => !listed.has(name)).map((name) => `lacks ${name}`),
    ...[...listed].filter((name) => !versions.has(name)).map((name) => `has ${name}, unused`),
  ];
  if (wrong.length > 0) throw new Error(`dependencies.ts: ${wrong.join(", ")}`);
  return markdownTable([
    ["package", "version", "size", "reason"],
    ...ALL.filter((line) => line.place === place).map(({ name, size, reason }) => [
      name,
      versions.get(name) ?? "",
      size,
      reason,
    ]),
  ]);
}

/** Every package that package.json names, with its version. */
function versionsInPackageJson(): Map<string, string> {
  const json = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as Readonly<
    Record<string, Readonly<Record<string, string>> | undefined>
  >;
  const groups = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
  return new Map(groups.flatMap((group) => Object.entries(json[group] ?? {})));
}
