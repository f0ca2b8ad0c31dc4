// Makes recorded decisions again, under the policy that holds now or a candidate, and tells those
// that would be others. Reads the log only.
import { AgentError, PolicyInput } from "@ossaat/contracts";
import type { EventData, PolicyReplayRequest, PolicyReplayResponse, ReplayedDecision } from "@ossaat/contracts";
import { answerOf, evaluateCandidate, parsePolicyFile, withLayers } from "@ossaat/policy/decision";
import type { Evaluation, PolicyLayer } from "@ossaat/policy/decision";

import { load } from "../artifact/artifacts.ts";
import type { Artifacts } from "../artifact/artifacts.ts";
import { toTimestamp } from "../clock.ts";
import type { Reader } from "../store/store.ts";
import { policyRouteLimits } from "./limits.ts";
import { policyUnavailable } from "./policies.ts";
import type { Policies, PolicyInForce } from "./policies.ts";

export type ReplayDeps = {
  read: Reader;
  artifacts: Artifacts;
  policies: Policies;
  /** Commit a repository stands at now, whose project file then holds. */
  headOf(repositoryPath: string): Promise<string>;
};

type Recorded = {
  plan_id: string;
  repository_path: string;
  seq: number;
  at: number;
  step_id: string | null;
  data: EventData<"policy.decided">;
};

async function readRecorded(
  read: Reader,
  { tenantId, request }: { tenantId: string; request: PolicyReplayRequest },
): Promise<Recorded[]> {
  let query = read
    .selectFrom("event")
    .innerJoin("plan", "plan.id", "event.plan_id")
    .select(["event.plan_id", "event.seq", "event.at", "event.step_id", "event.data_json", "plan.repository_path"])
    .where("plan.tenant_id", "=", tenantId)
    .where("event.type", "=", "policy.decided")
    .orderBy("event.at")
    .orderBy("event.plan_id")
    .orderBy("event.seq")
    .limit(policyRouteLimits.maxDecisions + 1);
  if (request.planId !== undefined) query = query.where("event.plan_id", "=", request.planId);
  if (request.since !== undefined) query = query.where("event.at", ">=", Date.parse(request.since));
  if (request.afterSeq !== undefined) query = query.where("event.seq", ">", request.afterSeq);
  const rows = await query.execute();
  return rows.map(({ data_json: json, ...row }) => ({ ...row, data: JSON.parse(json) as Recorded["data"] }));
}

/** @throws AgentError invalid_input naming file and line */
function candidateLayers({ candidate }: PolicyReplayRequest): PolicyLayer[] {
  if (candidate?.rules === undefined) return [];
  const { file, text } = candidate.rules;
  const parsed = parsePolicyFile(text, { file, name: "candidate" });
  if ("layer" in parsed) return [parsed.layer];
  const problems = parsed.problems.map(({ message }) => message).join("; ");
  throw new AgentError("invalid_input", `The candidate is not valid: ${problems}.`);
}

type Place = { policy: PolicyInForce } | { why: string };

/** Policy of each plan's repository as it stands now, asked for once. */
function createPlaces(deps: ReplayDeps): (path: string) => Promise<Place> {
  const known = new Map<string, Promise<Place>>();
  const find = async (path: string): Promise<Place> => {
    try {
      const policy = await deps.policies.at({ path, commit: await deps.headOf(path) });
      return policy.problem === undefined ? { policy } : { why: policyUnavailable(policy.problem).message };
    } catch (error) {
      return { why: AgentError.from(error).message };
    }
  };
  return (path) => {
    const place = known.get(path) ?? find(path);
    known.set(path, place);
    return place;
  };
}

type Again = { recorded: Recorded; policy: PolicyInForce; input: PolicyInput };

async function prepare(deps: ReplayDeps, rows: readonly Recorded[], more: readonly PolicyLayer[]) {
  const placeOf = createPlaces(deps);
  const skipped = new Map<string, string>();
  const again: Again[] = [];
  for (const recorded of rows) {
    const place = await placeOf(recorded.repository_path);
    if ("why" in place) {
      skipped.set(recorded.plan_id, place.why);
      continue;
    }
    const { policy } = place;
    const before = PolicyInput.parse(await load(deps.artifacts, recorded.data.input));
    const layers = [...policy.layers, ...more];
    again.push({ recorded, policy, input: withLayers(before, { layers, runMode: policy.runMode }) });
  }
  return { again, skipped };
}

async function evaluateAll(again: readonly Again[], { candidate }: PolicyReplayRequest): Promise<Evaluation[]> {
  if (candidate?.wasm === undefined) return again.map(({ policy, input }) => policy.engine.evaluate(input));
  const wasm = Uint8Array.from(Buffer.from(candidate.wasm, "base64"));
  return evaluateCandidate({ wasm, inputs: again.map(({ input }) => input) });
}

function changeOf({ recorded, input }: Again, evaluation: Evaluation): ReplayedDecision[] {
  const { plan_id: planId, step_id: stepId, seq, at, data } = recorded;
  const { outcome, deny } = answerOf(evaluation);
  if (outcome === data.outcome) return [];
  return [
    {
      planId,
      stepId: stepId ?? "",
      seq,
      at: toTimestamp(at),
      agent: input.subject.agent,
      tool: data.tool,
      what: data.what,
      before: { outcome: data.outcome, deny: data.deny },
      after: { outcome, deny },
    },
  ];
}

/** @throws AgentError invalid_input for a candidate that cannot be tried */
export async function replayDecisions(
  deps: ReplayDeps,
  { tenantId, request }: { tenantId: string; request: PolicyReplayRequest },
): Promise<PolicyReplayResponse> {
  const more = candidateLayers(request);
  const found = await readRecorded(deps.read, { tenantId, request });
  const rows = found.slice(0, policyRouteLimits.maxDecisions);
  const { again, skipped } = await prepare(deps, rows, more);
  const evaluations = await evaluateAll(again, request);
  return {
    schemaVersion: 1,
    plans: new Set(again.map(({ recorded }) => recorded.plan_id)).size,
    decisions: again.length,
    changed: evaluations.flatMap((evaluation, index) => {
      const one = again[index];
      return one === undefined ? [] : changeOf(one, evaluation);
    }),
    skipped: [...skipped].map(([planId, why]) => ({ planId, why })),
    truncated: found.length > rows.length,
  };
}
