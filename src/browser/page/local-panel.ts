/** What the page says of computing in this browser: which backend, how much is loaded, whether it is ready. */
import { byId, el, fill } from "./element.ts";
import type { Where } from "./link.ts";
import type { Local } from "./local.ts";
import type { Backend, LoadProgress } from "../browser.ts";

export interface LocalPanel {
  /** Shows the panel where this browser answers, alone or beside the edge. */
  show(where: Where): void;
  /** Loads what computes, and shows how far it is. Throws ServerError. */
  load(): Promise<void>;
  /** Name of what computes, such as "WebAssembly". */
  readonly name: string;
}

export const BACKEND_NAMES: Readonly<Record<Backend, string>> = {
  wasm: "WebAssembly",
  webgpu: "WebGPU",
};

const BEFORE = "The model is downloaded once, at the first run.";
/** True of this browser alone: in both, the edge is asked as well. */
const PRIVATE = "No text leaves this page.";
const KEPT = "It works without a network, after a reload too.";

export function createLocalPanel(local: Local): LocalPanel {
  const root = byId("local");
  const choice = el(
    "select",
    { id: "backend" },
    el("option", { value: "", text: "the quicker one" }),
    el("option", { value: "wasm", text: BACKEND_NAMES.wasm }),
    el("option", { value: "webgpu", text: BACKEND_NAMES.webgpu, disabled: !("gpu" in navigator) }),
  );
  const note = el("p", { class: "note", role: "status" });
  const progress = el("progress", { "aria-label": "Download of the model" });
  progress.hidden = true;
  fill(
    root,
    el("span", { class: "choice" }, el("label", { for: "backend", text: "Compute by " }), choice),
    note,
    progress,
  );

  const showProgress = ({ bytes, total }: LoadProgress): void => {
    progress.hidden = false;
    progress.max = total;
    progress.value = bytes;
    note.textContent = `Downloading the model: ${megabytes(bytes)} of ${megabytes(total)} MB`;
  };
  let isAlone = false;
  const tell = (): void => {
    const lines = [
      local.backend === null ? BEFORE : `Ready: ${name()} in this browser.`,
      ...(isAlone ? [PRIVATE] : []),
      ...(local.isKept ? [KEPT] : []),
    ];
    note.textContent = lines.join(" ");
    note.title = local.noWebgpu ?? "";
  };
  const name = (): string => (local.backend === null ? "" : BACKEND_NAMES[local.backend]);

  return {
    show(where) {
      root.hidden = where === "edge";
      isAlone = where === "browser";
      tell();
    },
    async load() {
      const wanted = choice.value === "" ? null : (choice.value as Backend);
      try {
        await local.load(wanted, showProgress);
      } finally {
        progress.hidden = true;
        tell();
      }
    },
    get name() {
      return name();
    },
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
