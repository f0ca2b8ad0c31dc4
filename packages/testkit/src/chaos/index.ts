// Public names of the chaos runs: what kills servers, and judges what is left.
export type { Mutation } from "./bundle-server.ts";
export { killEverywhere, planKills } from "./kill-everywhere.ts";
export type { KillPlan } from "./kill-everywhere.ts";
export { Person } from "./person.ts";
export { effectCalls, expectedFiles, writeScript } from "./plan-shape.ts";
export type { PlanShape, ShapeStep, StepTwist } from "./plan-shape.ts";
export { createRandom } from "./random.ts";
export { runLives } from "./run-lives.ts";
export type { Life } from "./run-lives.ts";
export { scenarios } from "./scenarios.ts";
export { runSeed } from "./run-seed.ts";
export type { SeedResult } from "./run-seed.ts";
export { makeChaosEntries } from "./server-entries.ts";
export type { ChaosEntries } from "./server-entries.ts";
export type { ServerEntry } from "./server-process.ts";
export { baseFiles, createWorld } from "./world.ts";
export type { World } from "./world.ts";
