// What tests of other packages may use.
export type { Attack, AttackLayer, Stride } from "./attack.ts";
export { createdEvent, eventLog } from "./event-log.ts";
export type { EventInput } from "./event-log.ts";
export { testCommit, testPlan, testPlanId, testStep, testTime } from "./plan-values.ts";
export type { StepInput } from "./plan-values.ts";
export { makeAuthority } from "./make-authority.ts";
export type { IssueOptions, TestAuthority } from "./make-authority.ts";
