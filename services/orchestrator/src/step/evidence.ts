// The evidence a reviewer needs, gathered from the event log: nothing in it is a model's claim
// unless it says so.
import { isPlanningStepId } from "@ossaat/contracts";
import type {
  CommandRecord,
  DecisionMeans,
  EgressRecord,
  PlanEvent,
  PlanState,
  TestReport,
  ToolName,
} from "@ossaat/contracts";

import { load } from "../artifact/artifacts.ts";
import type { Artifacts } from "../artifact/artifacts.ts";

export type EvidenceCommand = Pick<CommandRecord, "argv" | "cwd" | "exitCode" | "seconds" | "logRef"> & {
  stepId: string;
  at: string;
  tests?: TestReport;
  unsandboxed: boolean;
};

export type Evidence = {
  schemaVersion: 1;
  planId: string;
  goal: string;
  status: "succeeded" | "failed";
  reason?: string;
  planHash: string;
  revision: number;
  base: { commit: string; branch?: string };
  result: { branch?: string; commit?: string };
  model: { ref: string | null; scripted: boolean; notice?: string };
  isolation: string;
  approvals: {
    what: string;
    decision: string;
    by: string;
    /** How it was decided, where this is known. */
    means?: DecisionMeans;
    at: string;
    hash: string;
    scope?: string;
    feedback?: string;
  }[];
  steps: {
    id: string;
    title: string;
    agent: string;
    status: string;
    reason?: string;
    commit?: string;
    summary: string;
    saidBy: string;
  }[];
  commands: EvidenceCommand[];
  deniedCalls: { stepId: string; summary: string }[];
  /** What was dropped from or changed in requests to the model. */
  modelWarnings: string[];
  findings: { stepId: string; severity: string; path?: string; line?: number; message: string }[];
  spend: PlanState["spend"];
  egress: {
    hosts: string[];
    note: string;
    requests: (EgressRecord & { stepId: string })[];
    /** Calls that could reach a host and were broken off: what they asked for is not known. */
    unknown: { stepId: string; title: string; at: string }[];
  };
  rollback: string;
};

/** Tools that start a program of the repository: nothing else reaches the network. */
const programTools: ReadonlySet<string> = new Set<ToolName>(["run_command", "run_tests"]);

type ToolEnd = Extract<PlanEvent, { type: "tool.finished" }>;

async function commandsOf(artifacts: Artifacts, event: ToolEnd): Promise<EvidenceCommand[]> {
  const output = (await load(artifacts, event.data.output)) as { commands?: CommandRecord[]; tests?: TestReport };
  return (output.commands ?? []).map(({ argv, cwd, exitCode, seconds, logRef }) => ({
    stepId: event.stepId ?? "",
    at: event.at,
    argv,
    cwd,
    exitCode,
    seconds,
    logRef,
    ...(output.tests === undefined ? {} : { tests: output.tests }),
    unsandboxed: event.data.unsandboxed === true,
  }));
}

function planApproval(event: Extract<PlanEvent, { type: "plan.approved" }>): Evidence["approvals"][number] {
  const { planHash, revision, means } = event.data;
  return {
    what: `plan, revision ${revision}`,
    decision: "approved",
    by: event.actor.id,
    ...(means === undefined ? {} : { means }),
    at: event.at,
    hash: planHash,
  };
}

function callApprovals(state: PlanState): Evidence["approvals"] {
  return state.approvals
    .filter((approval) => approval.status !== "pending" && approval.status !== "void")
    .map((approval) => ({
      what: approval.title,
      decision: approval.status,
      by: approval.decidedBy ?? "",
      ...(approval.means === undefined ? {} : { means: approval.means }),
      at: approval.decidedAt ?? "",
      hash: approval.requestHash,
      ...(approval.scope === undefined ? {} : { scope: approval.scope }),
      ...(approval.feedback === undefined ? {} : { feedback: approval.feedback }),
    }));
}

function stepsOf(state: PlanState): Evidence["steps"] {
  return state.steps.map((step) => {
    const planned = state.plan?.steps.find(({ id }) => id === step.id);
    const own = planned?.action === "apply_changes" || planned?.action === "merge";
    return {
      id: step.id,
      title: planned?.title ?? "",
      agent: planned?.agent ?? "",
      status: step.status,
      ...(step.reason === undefined ? {} : { reason: step.reason }),
      ...(own && step.result?.head !== undefined ? { commit: step.result.head } : {}),
      summary: step.result?.summary ?? step.message ?? "",
      saidBy: planned?.action === "merge" ? "the platform" : "the agent",
    };
  });
}

function findingsOf(state: PlanState): Evidence["findings"] {
  return state.steps.flatMap((step) =>
    (step.result?.findings ?? []).map(({ severity, message, path, line }) => ({
      stepId: step.id,
      severity,
      message,
      ...(path === undefined ? {} : { path }),
      ...(line === undefined ? {} : { line }),
    })),
  );
}

function modelOf({ model: ref, scripted }: PlanState, events: readonly PlanEvent[]): Evidence["model"] {
  const created = events.find((event) => event.type === "plan.created")?.data;
  // Another model may have been chosen with the approval; the notice is the first one's.
  const notice = created?.model === ref ? created.modelNotice : undefined;
  return { ref, scripted, ...(notice === undefined ? {} : { notice }) };
}

function warningsOf(events: readonly PlanEvent[]): string[] {
  return [...new Set(events.flatMap((event) => (event.type === "model.finished" ? (event.data.warnings ?? []) : [])))];
}

/** Where steps could go, as approved, and where they went or tried to, as the proxy says. */
type ToolStart = Extract<PlanEvent, { type: "tool.started" }>;

/** Decisions are recorded with the end of their call: one that began and has no end has none. */
function brokenOff(
  events: readonly PlanEvent[],
  mayReach: (start: ToolStart) => boolean,
): Evidence["egress"]["unknown"] {
  const open = new Map<string, ToolStart>();
  const broken: ToolStart[] = [];
  for (const event of events) {
    if (event.type !== "tool.started" && event.type !== "tool.finished") continue;
    const key = `${event.stepId}:${event.data.callId}`;
    const before = open.get(key);
    open.delete(key);
    if (event.type === "tool.finished") continue;
    // It was begun again: nobody heard of the first one's end.
    if (before !== undefined) broken.push(before);
    if (mayReach(event)) open.set(key, event);
  }
  return [...broken, ...open.values()].map(({ stepId = "", data, at }) => ({
    stepId,
    title: data.title,
    at,
  }));
}

function egressOf(state: PlanState, events: readonly PlanEvent[], unsandboxed: boolean): Evidence["egress"] {
  const hosts = [...new Set(state.plan?.steps.flatMap(({ envelope }): string[] => envelope.egressHosts) ?? [])];
  const requests = events.flatMap((event) => {
    if (event.type !== "egress.decided") return [];
    const { callId: _call, ...record } = event.data;
    return [{ ...record, stepId: event.stepId ?? "" }];
  });
  if (unsandboxed) return { hosts, requests, unknown: [], note: "not controlled: commands ran without a sandbox" };
  const reaching = new Set(
    state.plan?.steps.flatMap(({ id, envelope }) => (envelope.egressHosts.length > 0 ? [id] : [])),
  );
  const unknown = brokenOff(
    events,
    ({ stepId = "", data }) => programTools.has(data.tool) && (data.approvedOutside || reaching.has(stepId as never)),
  );
  if (hosts.length === 0 && requests.length === 0 && unknown.length === 0) {
    return { hosts, requests, unknown, note: "no network: the sandbox has no route out" };
  }
  const count = (decision: string) =>
    requests.reduce((sum, record) => sum + (record.decision === decision ? record.count : 0), 0);
  const rest = unknown.length === 0 ? "" : `; not known is what ${unknown.length} calls asked for that were broken off`;
  const note = `through the filtering proxy alone: ${count("allowed")} requests allowed, ${count("denied")} denied${rest}`;
  return { hosts, requests, unknown, note };
}

export type EvidenceInput = {
  state: PlanState;
  events: readonly PlanEvent[];
  end: { status: "succeeded" | "failed"; reason?: string; branch?: string; commit?: string };
};

/** Gathers the evidence of a plan whose steps have all ended. */
export async function gatherEvidence(artifacts: Artifacts, { state, events, end }: EvidenceInput): Promise<Evidence> {
  const commands: EvidenceCommand[] = [];
  for (const event of events) {
    if (event.type === "tool.finished" && !isPlanningStepId(event.stepId ?? ""))
      commands.push(...(await commandsOf(artifacts, event)));
  }
  const unsandboxed = state.sandbox === "none" || commands.some((command) => command.unsandboxed);
  const { branch, commit } = end;
  const network = egressOf(state, events, unsandboxed);
  return {
    schemaVersion: 1,
    planId: state.id,
    goal: state.goal,
    status: end.status,
    ...(end.reason === undefined ? {} : { reason: end.reason }),
    planHash: state.planHash ?? "",
    revision: state.revision,
    base: {
      commit: state.repository.baseCommit,
      ...(state.repository.branch === undefined ? {} : { branch: state.repository.branch }),
    },
    result: { ...(branch === undefined ? {} : { branch }), ...(commit === undefined ? {} : { commit }) },
    model: modelOf(state, events),
    isolation: unsandboxed
      ? "NONE: commands ran without a sandbox (--dangerously-no-sandbox)"
      : `${state.sandbox}, ${network.hosts.length + network.requests.length === 0 ? "no network" : "network filtered by host"}`,
    approvals: [
      ...events.flatMap((event) => (event.type === "plan.approved" ? [planApproval(event)] : [])),
      ...callApprovals(state),
    ],
    steps: stepsOf(state),
    commands,
    deniedCalls: events.flatMap((event) =>
      event.type === "tool.finished" && event.data.state === "denied"
        ? [{ stepId: event.stepId ?? "", summary: event.data.summary }]
        : [],
    ),
    modelWarnings: warningsOf(events),
    findings: findingsOf(state),
    spend: state.spend,
    egress: network,
    rollback: branch === undefined ? "nothing was published" : `git branch -D ${branch}`,
  };
}
