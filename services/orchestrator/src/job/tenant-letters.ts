// Dead letters as a tenant may see them, and what a person decides about one.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { Actor, DeadLetterDecision, DeadLetterSummary } from "@ossaat/contracts";

import { changePlan } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { readEnvelope } from "./envelope-text.ts";
import type { DeadLetter, JobQueue } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";

export type LettersDeps = {
  engine: Engine;
  queue: JobQueue;
  pools: readonly string[];
};

/** A letter with what its message says, as far as it can be read. */
export type TenantLetter = DeadLetterSummary & { message: string };

function openLetter({ id, reason, message }: DeadLetter, pool: string): TenantLetter {
  const letter = { id, pool, reason, message };
  try {
    const { planId, stepId, attempt } = readEnvelope(message);
    return { ...letter, planId, stepId, attempt };
  } catch {
    return letter;
  }
}

/** The tenant's letters of all pools, oldest first. @throws AgentError unavailable */
export async function listLetters({ queue, pools }: LettersDeps, tenantId: string): Promise<TenantLetter[]> {
  const letters: TenantLetter[] = [];
  for (const pool of pools) {
    const found = await queue.deadLetters.list(pool, jobEngineLimits.shownDeadLetters, tenantId);
    letters.push(...found.map((each) => openLetter(each, pool)));
  }
  return letters;
}

/** @throws AgentError not_found for one that is gone, or another tenant's */
export async function requireLetter(deps: LettersDeps, tenantId: string, letterId: string): Promise<TenantLetter> {
  const letter = (await listLetters(deps, tenantId)).find(({ id }) => id === letterId);
  if (letter === undefined) throw letterNotFound(letterId);
  return letter;
}

function letterNotFound(letterId: string): AgentError {
  return new AgentError("not_found", `There is no dead letter ${letterId}.`, {
    details: { next: "`ossaat dlq list` lists them" },
  });
}

type Decided = { tenantId: string; letterId: string; actor: Actor; decision: DeadLetterDecision["decision"] };

/** In the log of the plan it is about, unless that has ended: nothing follows the end of a log. */
async function recordDecision(engine: Engine, letter: TenantLetter, { actor, decision }: Decided): Promise<void> {
  const { id: letterId, pool, reason, planId, stepId } = letter;
  if (planId === undefined || stepId === undefined) return;
  const type = decision === "requeue" ? "message.requeued" : "message.dropped";
  try {
    await changePlan(engine, { planId, actor }, async (change) => {
      if (!isTerminalPlan(change.plan.status)) await change.append({ type, stepId, data: { letterId, pool, reason } });
    });
  } catch (error) {
    // A message may outlive its plan.
    if (!(error instanceof AgentError) || error.code !== "not_found") throw error;
  }
}

/**
 * Gives a letter back or forgets it, and says in the logs of server and plan who did.
 * @throws AgentError not_found, unavailable
 */
export async function decideLetter(deps: LettersDeps, decided: Decided): Promise<TenantLetter> {
  const { tenantId, letterId, actor, decision } = decided;
  const letter = await requireLetter(deps, tenantId, letterId);
  const { pool, reason, planId, stepId } = letter;
  if (!(await deps.queue.deadLetters.end(pool, letterId, decision))) throw letterNotFound(letterId);
  const fields = { letterId, pool, reason, planId, stepId, tenantId, actor, decision };
  deps.engine.log.info(fields, "a person decided about a dead letter");
  await recordDecision(deps.engine, letter, decided);
  return letter;
}
