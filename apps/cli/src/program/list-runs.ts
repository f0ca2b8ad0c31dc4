import type { Action } from "./act.ts";

/** What `ossaat runs` does; without flags it does the same. */
export const listRuns: Action = async (context, _args, flags) =>
  (await import("../commands/runs.ts")).runsCommand(flags, context);
