/** The engine of a Worker whose entry names none: this file alone decides which one that is. */
import type { OpenEngine } from "./compose.ts";
import { openOnnxruntime } from "./engine/ort/workerd.ts";

export const openDefaultEngine: OpenEngine = openOnnxruntime;
