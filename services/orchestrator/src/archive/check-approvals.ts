// Whether the approvals of an archive are those its events tell of. A decision that only a row
// knows is none: nobody may be made to have said yes.
import { hashJson, hashStep } from "@ossaat/contracts";
import type { EventData, PlanState, Sha256 } from "@ossaat/contracts";

import type { ApprovalRow, EventRow, PlanRow } from "../store/tables.ts";

type ApprovalState = PlanState["approvals"][number];

/** What a row and the fold must have in common, in one shape. */
type Facts = Record<string, string | number | null>;

function factsOfRow(row: ApprovalRow): Facts {
  return {
    step: row.step_id,
    kind: row.kind,
    hash: row.request_hash,
    status: row.status,
    scope: row.scope,
    feedback: row.feedback,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
  };
}

function factsOfState(state: ApprovalState): Facts {
  return {
    step: state.stepId,
    kind: state.kind,
    hash: state.requestHash,
    status: state.status,
    scope: state.scope ?? null,
    feedback: state.feedback ?? null,
    requestedAt: Date.parse(state.requestedAt),
    expiresAt: Date.parse(state.expiresAt),
    decidedAt: state.decidedAt === undefined ? null : Date.parse(state.decidedAt),
    decidedBy: state.decidedBy ?? null,
  };
}

type Asked = { request: Sha256; callId: string | undefined };

/** By approval id: the hash of the whole request as it was asked, and the call its answer is for. */
function readAsked(events: readonly EventRow[]): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const { type, data_json: json } of events) {
    if (type === "approval.requested") {
      const { request } = JSON.parse(json) as EventData<"approval.requested">;
      asked.set(request.approvalId, { request: hashJson(request), callId: undefined });
    }
    if (type !== "approval.decided") continue;
    const { approvalId, callId } = JSON.parse(json) as EventData<"approval.decided">;
    const known = asked.get(approvalId);
    if (known !== undefined) known.callId = callId;
  }
  return asked;
}

/** The first approval that is not the one of the events; `undefined` = all are. */
export function findForgedApproval(
  approvals: readonly ApprovalRow[],
  { state, events }: { state: PlanState; events: readonly EventRow[] },
): string | undefined {
  const told = new Map(state.approvals.map((approval): [string, ApprovalState] => [approval.approvalId, approval]));
  const ids = new Set(approvals.map(({ id }) => id));
  if (told.size !== state.approvals.length || ids.size !== approvals.length || ids.size !== told.size) {
    return "its approval requests are not those of the events";
  }
  const asked = readAsked(events);
  for (const row of approvals) {
    const [approval, question] = [told.get(row.id), asked.get(row.id)];
    if (approval === undefined || question === undefined) return "its approval requests are not those of the events";
    if (hashJson(JSON.parse(row.request_json)) !== question.request) return "a request is not as it was asked";
    if (hashJson(factsOfRow(row)) !== hashJson(factsOfState(approval))) return "a request was decided otherwise";
    if (question.callId !== undefined && question.callId !== row.call_id) return "an answer is for another call";
  }
  return undefined;
}

/** Every step that was ever proposed, as `id` and hash of its content. */
function proposedSteps(events: readonly EventRow[]): Set<string> {
  const proposals = events.filter(({ type }) => type === "plan.proposed");
  return new Set(
    proposals.flatMap(({ data_json: json }) =>
      (JSON.parse(json) as EventData<"plan.proposed">).plan.steps.map((step) => `${step.id} ${hashStep(step)}`),
    ),
  );
}

/** Whether what the plan's row says was approved is what events say, of steps that events propose. */
export function findForgedGrants(
  { approved_json: json }: PlanRow,
  { state, events }: { state: PlanState; events: readonly EventRow[] },
): string | undefined {
  if (hashJson(JSON.parse(json)) !== hashJson(state.approvedSteps)) return "other steps were approved than events say";
  const proposed = proposedSteps(events);
  const isProposed = ([id, hash]: [string, string]) => proposed.has(`${id} ${hash}`);
  return Object.entries(state.approvedSteps).every(isProposed) ? undefined : "a step was approved that no event names";
}
