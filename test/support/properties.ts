/**
 * fast-check with one seed for all property tests, so that the same tests pass everywhere, and a failure
 * comes back. `PROPERTY_SEED=N` draws other inputs.
 */
// oxlint-disable-next-line no-restricted-imports -- the one place
import fc from "fast-check";

const SEED = 20_261_128;

// Workers have no environment of this process.
const given = globalThis.process?.env["PROPERTY_SEED"];
fc.configureGlobal({ seed: given === undefined ? SEED : Number(given) });

export default fc;
