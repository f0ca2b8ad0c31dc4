// What tests of other packages may use.
export { readConfig as readOrchestratorConfig } from "../config.ts";
import { jobEngineLimits } from "../job/limits.ts";

/** Lets this process's engine wait for less, so that what happens by the clock happens in a test. */
export function hastenJobEngine(limits: Partial<Record<keyof typeof jobEngineLimits, number>>): void {
  Object.assign(jobEngineLimits, limits);
}
