/**
 * Base and task folders made from a seed. The base is made of paper: its manifest and hashes are
 * real, its graph is not, which is all that publishing looks at. Task folders fit any base.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfiguration } from "../../src/core/format/configuration.ts";
import { FORMAT_VERSION, baseIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest, FileRef, TaskManifest } from "../../src/core/format/manifest.ts";
import { readRecord } from "../../src/core/record.ts";
import { configurationJson } from "./manifests.ts";
import { makeTask } from "../../bench/served/made-task.ts";
import type { MadeTaskOptions } from "../../bench/served/made-task.ts";

const CREATED = "2026-11-01T00:00:00.000Z";

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A new empty folder below the system's temporary one, removed by `remove`. */
export function temporaryFolder(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `edge-prefix-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes a paper base (L 2, H 8, N 2, D 4) and returns its manifest. */
export async function writePaperBase(
  folder: string,
  { name = "paper", seed = 1, graph = "no graph" } = {},
): Promise<BaseManifest> {
  mkdirSync(folder, { recursive: true });
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const contents: Record<string, Uint8Array> = {
    "model.onnx": text(graph),
    "weights-0.safetensors": new Uint8Array(1000).fill(seed),
    "tokenizer.json": text("{}"),
  };
  const files: Record<string, FileRef> = {};
  for (const [file, bytes] of Object.entries(contents)) {
    writeFileSync(join(folder, file), bytes);
    files[file] = { sha256: sha256Of(bytes), bytes: bytes.byteLength };
  }
  const listed = {
    configuration: readConfiguration(
      readRecord(configurationJson({ vocab_size: 100 }), "configuration", "config-invalid"),
    ),
    weights: ["weights-0.safetensors"],
    tokenizer: "tokenizer.json",
    pooler: null,
    files,
  };
  const manifest: BaseManifest = {
    format_version: FORMAT_VERSION,
    kind: "base",
    name,
    dtype: "int8",
    ...listed,
    builds: { "ort/int8": "model.onnx" },
    pooling: null,
    identity: await baseIdentity(listed, (bytes) => Promise.resolve(sha256Of(bytes))),
    checkpoint: sha256Of(text(`checkpoint ${seed}`)),
    created: CREATED,
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  return manifest;
}

/** Writes a sequence task that fits `base` (mean pooling) and returns its manifest. */
export function writeTaskFolder(
  folder: string,
  base: BaseManifest,
  options: Partial<MadeTaskOptions> = {},
): TaskManifest {
  const defaults = { task: "mood", labels: ["low", "high"], numVirtualTokens: 3 };
  const { json, manifest, prefix } = makeTask(base, { ...defaults, ...options });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "prefix.safetensors"), prefix);
  writeFileSync(join(folder, "manifest.json"), manifest);
  return json;
}
