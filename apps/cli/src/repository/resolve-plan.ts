// Which plan a person means: a whole id, the beginning of one, or the newest of this repository.
import { AgentError } from "@ossaat/contracts";
import type { PlanListResponse, PlanState, PlanSummary } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { requireRepository } from "./find-repository.ts";
import { linkedCheckouts } from "./linked-checkouts.ts";

export type Fits = (plan: PlanSummary) => boolean;

/** Plans in which something can still be stopped, paused or watched. */
export const isUnderWay: Fits = ({ status }) => ["pending", "running", "paused", "cancelling"].includes(status);

/** Plans with a result to look at or to apply. */
export const hasResult: Fits = ({ branch }) => branch !== undefined;

/** The older ids of 8 hex digits are not among them: each may be the beginning of one of these. */
const wholeId = /^plan-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Newest first; of one repository, or of all. */
export async function* allPlans(client: Client, repository?: string): AsyncGenerator<PlanSummary> {
  let cursor: string | undefined;
  do {
    const page: PlanListResponse = await client.listPlans({
      ...(cursor === undefined ? {} : { cursor }),
      ...(repository === undefined ? {} : { repository }),
    });
    yield* page.plans;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

/** The newest plan of this repository that fits what is to be done with it, else its newest. */
async function newestHere(client: Client, context: CommandContext, fits: Fits): Promise<string> {
  const repository = await requireRepository(context);
  let newest: string | undefined;
  for await (const plan of allPlans(client, repository)) {
    newest ??= plan.id;
    if (fits(plan)) return plan.id;
  }
  if (newest !== undefined) return newest;
  const [, ...others] = await linkedCheckouts(repository);
  for (const other of others) {
    const first = await allPlans(client, other).next();
    if (first.done === true) continue;
    throw new AgentError(
      "not_found",
      `There is no plan of this checkout yet; ${other}, of the same repository, has some.`,
      {
        details: { next: `name one: \`ossaat show ${first.value.id}\`; \`ossaat runs\` lists them` },
      },
    );
  }
  throw new AgentError("not_found", "There is no plan for this repository yet.", {
    details: { next: 'ossaat plan "<goal>"' },
  });
}

const waits: Fits = ({ status, pendingApprovals }) => status === "awaiting_approval" || pendingApprovals > 0;

/**
 * The plan of this repository that waits for an answer, where none is named; else its newest, which says why not.
 * @param verb of the command that answers
 * @throws AgentError invalid_input when several wait; not_found
 */
export async function resolveWaiting(client: Client, context: CommandContext, verb: string): Promise<string> {
  const repository = await requireRepository(context);
  const waiting: string[] = [];
  for await (const plan of allPlans(client, repository)) if (waits(plan)) waiting.push(plan.id);
  const [only, second] = waiting;
  if (only === undefined) return newestHere(client, context, () => true);
  if (second === undefined) return only;
  throw new AgentError("invalid_input", `${waiting.length} plans wait for an answer: ${waiting.join(", ")}.`, {
    details: { plans: waiting, next: `name one: \`ossaat ${verb} ${only}\`` },
  });
}

async function byPrefix(client: Client, text: string): Promise<string> {
  const prefix = text.startsWith("plan-") ? text : `plan-${text}`;
  const found: string[] = [];
  for await (const plan of allPlans(client)) if (plan.id.startsWith(prefix)) found.push(plan.id);
  if (found.includes(prefix)) return prefix;
  const [only, second] = found;
  if (only === undefined) {
    throw new AgentError("not_found", `There is no plan ${JSON.stringify(text)}.`, {
      details: { next: "run `ossaat runs --all` to list plans" },
    });
  }
  if (second === undefined) return only;
  throw new AgentError("invalid_input", `${JSON.stringify(text)} is the beginning of ${found.length} plans.`, {
    details: { plans: found, next: `use more of the id, for example \`ossaat show ${only}\`` },
  });
}

/** @throws AgentError not_found, invalid_input (more than one fits; no id outside of a repository) */
export async function resolvePlanId(
  client: Client,
  context: CommandContext,
  text?: string,
  fits: Fits = () => true,
): Promise<string> {
  if (text === undefined) return newestHere(client, context, fits);
  return wholeId.test(text) ? text : byPrefix(client, text);
}

/** The state of the plan a person means. @throws AgentError not_found, invalid_input */
export async function resolvePlan(
  client: Client,
  context: CommandContext,
  text?: string,
  fits?: Fits,
): Promise<PlanState> {
  return client.getPlan(await resolvePlanId(client, context, text, fits));
}
