// Request fields a model cannot take are dropped, never silently.
import type { ModelRequest } from "./spec.ts";

type Droppable = "temperature" | "topP" | "seed" | "stop" | "reasoning" | "parallelToolCalls";

/** One warning for each of `fields` that the request sets. */
export function warnDropped(request: ModelRequest, fields: readonly Droppable[], why: string): string[] {
  return fields.filter((field) => request[field] !== undefined).map((field) => `${field} was not sent: ${why}`);
}
