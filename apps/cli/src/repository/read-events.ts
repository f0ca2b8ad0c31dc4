// The whole event log of a plan.
import type { Client } from "@ossaat/client";
import type { PlanEvent } from "@ossaat/contracts";

/** Every event in order. @throws AgentError not_found */
export async function readAllEvents(client: Client, planId: string): Promise<PlanEvent[]> {
  const events: PlanEvent[] = [];
  for (;;) {
    const page = await client.listEvents(planId, events.at(-1)?.seq ?? 0);
    if (page.length === 0) return events;
    events.push(...page);
  }
}
