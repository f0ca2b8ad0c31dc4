// Public names of the tool runner.
export { createToolRunner } from "./create-tool-runner.ts";
export type { ToolRunner, ToolRunnerOptions } from "./create-tool-runner.ts";
export { openToolRunner } from "./open-tool-runner.ts";
export type { RunnerPlace, RunnerRules } from "./open-tool-runner.ts";
export { serveToolRunner } from "./serve-grpc.ts";
export type { ServeRunnerOptions } from "./serve-grpc.ts";
export { createKeptTrees } from "./workspace/kept-trees.ts";
export type { KeptTrees } from "./workspace/kept-trees.ts";
