// Entry of an orchestrator for chaos runs: the real one, in which what happens by the clock happens soon.
// Argument: JSON of the limits to replace.
import { hastenLimits } from "./hasten-limits.ts";
import type { HastenedLimits } from "./hasten-limits.ts";

hastenLimits(JSON.parse(process.argv[2] ?? "{}") as HastenedLimits);
await import("../main.ts");
