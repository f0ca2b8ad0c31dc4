// Order, approval and fencing: what the log alone shows of who did what when.
import { hashJson, hashStep, isPlanningStepId, isSystemStepId } from "@ossaat/contracts";
import type { ApprovalRequest, EventData, PlanEvent, SealedPlan } from "@ossaat/contracts";

/** I6 */
export function findEarlyStarts(events: readonly PlanEvent[]): string[] {
  const problems: string[] = [];
  const succeeded = new Set<string>();
  let plan: SealedPlan | undefined;
  for (const event of events) {
    if (event.type === "plan.proposed") plan = event.data.plan as SealedPlan;
    if (event.type === "step.finished" && event.data.status === "succeeded") succeeded.add(event.stepId ?? "");
    if (event.type !== "step.started") continue;
    const needs = plan?.steps.find(({ id }) => id === event.stepId)?.needs ?? [];
    const missing = needs.filter((need) => !succeeded.has(need));
    problems.push(...missing.map((need) => `${event.stepId ?? ""} started before ${need} had succeeded`));
  }
  return problems;
}

/** What people have agreed to so far. */
class Consent {
  #plan: SealedPlan | undefined;
  #approved: Record<string, string> = {};
  readonly #requests = new Map<string, ApprovalRequest>();
  /** Hash of the definition with which each step was granted its start. */
  readonly #started = new Map<string, string>();
  /** Hash of what was shown of each call that was granted. */
  readonly #calls = new Map<string, string>();
  /** Tools that were granted for a step, or for all with `*`. */
  readonly #wide = new Set<string>();

  note(event: PlanEvent): void {
    if (event.type === "plan.proposed") this.#plan = event.data.plan as SealedPlan;
    if (event.type === "plan.approved") this.#approved = event.data.stepHashes;
    if (event.type === "approval.requested") {
      const { request } = event.data;
      this.#requests.set(request.approvalId, request);
    }
    if (event.type === "approval.decided" && event.data.status === "granted") this.#grant(event.data);
  }

  #grant({
    approvalId,
    callId,
    scope,
  }: {
    approvalId: string;
    callId?: string | undefined;
    scope?: string | undefined;
  }) {
    const request = this.#requests.get(approvalId);
    if (request === undefined) return;
    if (request.kind === "step") this.#started.set(request.stepId, request.requestHash);
    const { stepId, tool, inputJson } = request;
    if (callId !== undefined) this.#calls.set(`${stepId}/${callId}`, hashJson({ tool, inputJson }));
    if (scope === "run") this.#wide.add(`*/${tool ?? ""}`);
    if (scope === "step") this.#wide.add(`${stepId}/${tool ?? ""}`);
  }

  /** Why a step may not start; undefined = it may. */
  refusesStart(stepId: string): string | undefined {
    const step = this.#plan?.steps.find(({ id }) => id === stepId);
    if (step === undefined) return `${stepId} started, which the plan does not have`;
    const hash = hashStep(step);
    if (this.#started.get(stepId) === hash) return undefined;
    if (step.approvalRequired) return `${stepId} started without the approval it asks for`;
    return this.#approved[stepId] === hash ? undefined : `${stepId} started, but nobody approved it as it is`;
  }

  /** Whether somebody was shown this call as it is, or let its tool go on. */
  allowsOutside(stepId: string, { callId, tool, argsHash }: EventData<"tool.started">): boolean {
    const isGranted = this.#calls.get(`${stepId}/${callId}`) === argsHash;
    return isGranted || this.#wide.has(`${stepId}/${tool}`) || this.#wide.has(`*/${tool}`);
  }
}

/** I7 */
export function findUnapproved(events: readonly PlanEvent[]): string[] {
  const problems: string[] = [];
  const consent = new Consent();
  for (const event of events) {
    consent.note(event);
    const stepId = event.stepId ?? "";
    if (event.type === "step.started" && !isSystemStepId(stepId)) {
      const refusal = consent.refusesStart(stepId);
      if (refusal !== undefined) problems.push(refusal);
    }
    if (event.type !== "tool.started" || !event.data.approvedOutside) continue;
    if (consent.allowsOutside(stepId, event.data)) continue;
    problems.push(`call ${event.data.callId} of ${stepId} ran outside, unapproved`);
  }
  return problems;
}

type Holder = { worker: string; attempt: number | undefined };

/** Events by which a step leaves `running`. */
const leaving: ReadonlySet<PlanEvent["type"]> = new Set<PlanEvent["type"]>([
  "step.finished",
  "step.backed_off",
  "step.lost",
  "step.released",
  "step.reconcile_requested",
  "approval.requested",
]);

function holdsPlanning(holders: ReadonlyMap<string, Holder>, worker: string): boolean {
  return [...holders].some(([stepId, holder]) => isPlanningStepId(stepId) && holder.worker === worker);
}

/** Whether a worker ends what it gave up itself in the same change: it was lost once too often, or its plan is cancelled. */
function endsWhatItLost(event: PlanEvent, before: PlanEvent | undefined): boolean {
  if (event.type !== "step.finished" || before?.type !== "step.lost" || event.data.status === "succeeded") return false;
  const isSame = before.stepId === event.stepId && before.attempt === event.attempt && before.at === event.at;
  return isSame && before.actor.kind === "worker" && before.actor.id === event.actor.id;
}

/** I8 */
export function findFenceBreaches(events: readonly PlanEvent[]): string[] {
  const problems: string[] = [];
  const fences = new Map<string, number>();
  const holders = new Map<string, Holder>();
  for (const [index, event] of events.entries()) {
    const { stepId = "", attempt, actor } = event;
    if (event.type === "step.started") {
      const { fence, worker } = event.data;
      if (fence <= (fences.get(stepId) ?? 0)) problems.push(`event ${event.seq}: the fence of ${stepId} did not rise`);
      if (holders.has(stepId)) problems.push(`event ${event.seq}: ${stepId} was claimed while somebody held it`);
      fences.set(stepId, fence);
      holders.set(stepId, { worker, attempt });
      continue;
    }
    // NOTE: only what a worker writes for an attempt of its own carries that attempt.
    // A planner ends the running steps that its new revision replaces.
    const isReplaced = event.type === "step.finished" && holdsPlanning(holders, actor.id);
    const isGivenUp = endsWhatItLost(event, events[index - 1]);
    if (actor.kind === "worker" && attempt !== undefined && !isReplaced && !isGivenUp) {
      const holder = holders.get(stepId);
      if (holder === undefined) problems.push(`event ${event.seq}: ${actor.id} wrote for ${stepId}, which nobody held`);
      else if (holder.worker !== actor.id || holder.attempt !== attempt) {
        const who = `attempt ${holder.attempt ?? 0} of ${holder.worker}`;
        problems.push(`event ${event.seq}: attempt ${attempt} of ${actor.id} wrote for ${stepId}, held by ${who}`);
      }
    }
    if (leaving.has(event.type)) holders.delete(stepId);
  }
  return problems;
}
