#!/usr/bin/env node
/**
 * The package's command. In a clone it runs the sources, which need no build; an installed package
 * has none of them, and Node strips no types inside of node_modules, so there it runs dist/.
 */
import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";

// What Node has compiled, and in a clone freed of types, is kept for the next command.
enableCompileCache();

const isClone = existsSync(new URL("cli.ts", import.meta.url));
await import(isClone ? "./cli.ts" : "../dist/scripts/cli.js");
