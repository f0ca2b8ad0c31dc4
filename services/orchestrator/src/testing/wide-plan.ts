// The plan of the engine's suites: four steps that wait for nothing.
import { testPlan, testStep } from "@ossaat/contracts/testing";

export const widePlan = testPlan(["a", "b", "c", "d"].map((id) => testStep(id)));

/** Steps of it that start when each runs once, in the order of their names. */
export const eachOnce = ["a", "b", "c", "d", "plan.finish"];
