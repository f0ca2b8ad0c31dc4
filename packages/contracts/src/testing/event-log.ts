// Logs of events for tests: from data to numbered events.
import { parseEvent } from "../event.ts";
import type { EventData, EventType, PlanEvent } from "../event.ts";
import { testCommit, testPlanId, testTime } from "./plan-values.ts";

export type EventInput = {
  [T in EventType]: { type: T; data: EventData<T>; stepId?: string | undefined; attempt?: number | undefined };
}[EventType];

/** `plan.created` of a plan that nobody has worked on. */
export function createdEvent(changes: Partial<EventData<"plan.created">> = {}): EventInput {
  return {
    type: "plan.created",
    data: {
      goal: "Make it better",
      repository: { path: "/repo", branch: "main", baseCommit: testCommit, dirtyPaths: 0 },
      model: "scripted:file",
      scripted: true,
      sandbox: "none",
      budget: {},
      tenantId: "local",
      ...changes,
    },
  };
}

/** Numbers events from 1; each happens a second after the one before. */
export function eventLog(inputs: readonly EventInput[]): PlanEvent[] {
  const start = Date.parse(testTime);
  return inputs.map((input, index) =>
    parseEvent({
      ...input,
      seq: index + 1,
      at: new Date(start + index * 1000).toISOString(),
      planId: testPlanId,
      actor: { kind: "system", id: "test" },
    }),
  );
}
