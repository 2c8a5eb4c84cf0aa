/** The engine of a Worker whose entry names none: this file alone decides which one that is. */
import type { OpenEngine } from "./compose.ts";
import { openSimd } from "./engine/simd/workerd.ts";

export const openDefaultEngine: OpenEngine = openSimd;
