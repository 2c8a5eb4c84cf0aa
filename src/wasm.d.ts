/** Wrangler's default rules turn an imported .wasm file into a compiled module. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** Likewise, a .bin file into its bytes. */
declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}
