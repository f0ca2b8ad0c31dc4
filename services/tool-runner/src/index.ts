// Public names of the tool runner.
export { createToolRunner } from "./create-tool-runner.ts";
export type { ToolRunner, ToolRunnerOptions } from "./create-tool-runner.ts";
