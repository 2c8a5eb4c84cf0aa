/** The page's own files as its service worker keeps them: in groups that are needed together. */

/** `page` is kept at the first visit, each other group when the page has used it. */
export type AssetGroup = "page" | "wasm" | "webgpu" | "training";

/** A file by its path on the origin, with its hash as the attribute `integrity` has it. */
export type Asset = readonly [path: string, integrity: string];

export interface AssetList {
  /** Changes with any of the files. */
  readonly version: string;
  readonly groups: Readonly<Record<AssetGroup, readonly Asset[]>>;
}
