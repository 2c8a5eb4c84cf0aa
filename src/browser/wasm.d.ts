/** The bundler of the page puts an imported .wasm file into the script. */
declare module "*.wasm" {
  const bytes: Uint8Array;
  export default bytes;
}
