// What policy says about every step and tool of a plan, before anything runs.
import { findIdleEntries, toolSpecs } from "@ossaat/contracts";
import type {
  AgentProfile,
  CheckedTool,
  ConditionalRule,
  ExplainedEntry,
  Plan,
  PolicyCheckResponse,
  Step,
  ToolName,
} from "@ossaat/contracts";
import { checkEnvelope } from "@ossaat/policy";
import type { ToolCall } from "@ossaat/policy";
import { decide, explainEntries } from "@ossaat/policy/decision";
import type { DecisionRequest, LayerRule, PolicyLayer } from "@ossaat/policy/decision";

import type { PolicyInForce } from "./policies.ts";

export type PlanToCheck = {
  plan: Plan;
  profiles: ReadonlyMap<string, AgentProfile>;
  /** Hash a person approved, by step; undefined = decide as if the plan were approved as it stands. */
  approved: ReadonlyMap<string, string> | undefined;
  costUsd: number | null;
  runModes: NonNullable<DecisionRequest["runModes"]>;
};

const writers: readonly ToolName[] = ["edit_file", "write_file", "apply_patch"];

/** `isWhole` is false where there is no whole call: what decides by the rest of it is shown as a condition. */
type Subject = { about: string; call: ToolCall; envelope: Step["envelope"]; isWhole: boolean };

function callOn(tool: ToolName, path: string): ToolCall {
  if (tool === "apply_patch") return { tool, input: { patch: `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n` } };
  const input = tool === "edit_file" ? { path, oldText: "a", newText: "b" } : { path, content: "" };
  return { tool, input };
}

const isLiteral = (glob: string) => !/[*?[\]{}!]/u.test(glob);
const argvOf = (prefix: string) => prefix.split(/\s+/u).filter((word) => word !== "");

const runners: readonly ToolName[] = ["run_command", "run_tests"];

/** One for each host that the step opens: what stands against that host alone. */
function hostSubjects({ envelope }: Step, tool: ToolName): Subject[] {
  const idle = new Set(findIdleEntries(envelope).map(({ entry }) => entry));
  return envelope.egressHosts.map((entry) => ({
    about: `reaching ${entry}${idle.has(entry) ? ", which grants nothing" : ""}`,
    call: { tool, input: {} },
    envelope: { ...envelope, egressHosts: [entry] },
    isWhole: false,
  }));
}

/** The calls that a plan lets one foresee, by tool. */
function subjectsOf(step: Step, tool: ToolName): Subject[] {
  const { files, envelope, successCheck } = step;
  const whole = (about: string, call: ToolCall): Subject => ({ about, call, envelope, isWhole: true });
  if (writers.includes(tool)) {
    const paths = new Set([...files, ...envelope.paths.filter(isLiteral)]);
    return [...paths].map((path) => whole(path, callOn(tool, path)));
  }
  const hosts = runners.includes(tool) ? hostSubjects(step, tool) : [];
  if (tool !== "run_command") return hosts;
  const argvs = [...envelope.commands.map(argvOf), ...(successCheck.kind === "command" ? [successCheck.argv] : [])];
  const unique = new Map(argvs.map((argv) => [argv.join(" "), argv]));
  return [...[...unique].map(([about, argv]) => whole(about, { tool, input: { argv, cwd: "." } })), ...hosts];
}

/** What decides by the call itself, in words; undefined = the rule needs nothing of the call. */
function whenOf({ paths, commands, hosts, maxCostUsd }: LayerRule): string | undefined {
  const list = (name: string, values: readonly string[] | undefined) =>
    values === undefined ? [] : [`${name} ${values.join(", ")}`];
  const parts = [
    ...list("paths", paths),
    ...list("commands", commands),
    ...list("hosts", hosts),
    ...(maxCostUsd === undefined ? [] : [`cost over $${maxCostUsd}`]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

function canTouch({ paths, commands, hosts }: LayerRule, tool: ToolName, envelope: Step["envelope"]): boolean {
  const runs = runners.includes(tool);
  if (paths !== undefined && (runs || tool === "git_status" || tool === "search_text")) return false;
  if (commands !== undefined && tool !== "run_command") return false;
  // A command may ask for hosts by itself.
  return hosts === undefined || tool === "run_command" || (runs && envelope.egressHosts.length > 0);
}

function conditionsOf(layers: readonly PolicyLayer[], tool: ToolName, { envelope }: Step): ConditionalRule[] {
  const { capability } = toolSpecs[tool];
  return layers.flatMap(({ name, file, rules }) =>
    rules.flatMap((rule): ConditionalRule[] => {
      const when = whenOf(rule);
      const fits = rule.capabilities?.includes(capability) !== false && rule.tools?.includes(tool) !== false;
      if (when === undefined || !fits || !canTouch(rule, tool, envelope)) return [];
      return [{ effect: rule.effect, layer: name, rule: rule.id, source: `${file}:${rule.line}`, when }];
    }),
  );
}

type Checking = { step: Step; tool: ToolName; explained: ExplainedEntry[] };

function checkTool(policy: PolicyInForce, input: PlanToCheck, { step, tool, explained }: Checking) {
  const { profiles, approved, costUsd, runModes } = input;
  const profile = profiles.get(step.agent);
  const { capability } = toolSpecs[tool];
  const hash = step.stepHash ?? "";
  const row = ({ about, call, envelope, isWhole }: Subject): CheckedTool => {
    const {
      outcome,
      deny,
      input: facts,
    } = decide(policy.engine, {
      agent: step.agent,
      profile,
      call,
      capability,
      envelope,
      envelopeCheck: isWhole ? checkEnvelope(envelope, call) : { inside: true },
      step: {
        hash,
        approvedHash: approved === undefined ? hash : approved.get(step.id),
        approvalRequired: profile?.approval_policy[capability] === "human_approval",
        isApproved: false,
      },
      grants: [],
      layers: policy.layers,
      costUsd,
      runModes,
    });
    const conditions = isWhole ? [] : conditionsOf(policy.layers, tool, step);
    explained.push(...explainEntries(deny, facts));
    return { stepId: step.id, agent: step.agent, tool, capability, about, outcome, deny, conditions };
  };
  return [
    row({ about: "", call: { tool, input: {} }, envelope: step.envelope, isWhole: false }),
    ...subjectsOf(step, tool).map(row),
  ];
}

/** One row for each tool of each step at large (`about` is empty), and one for each call that can be foreseen. */
export function checkPlan(policy: PolicyInForce, input: PlanToCheck): Pick<PolicyCheckResponse, "tools" | "rules"> {
  const explained: ExplainedEntry[] = [];
  const tools = input.plan.steps.flatMap((step) => {
    const names = step.envelope.tools.filter((name): name is ToolName => Object.hasOwn(toolSpecs, name));
    return names.flatMap((tool) => checkTool(policy, input, { step, tool, explained }));
  });
  const rules = new Map(
    explained.map(({ capability: _capability, ...rule }) => [`${rule.layer} ${rule.rule} ${rule.source ?? ""}`, rule]),
  );
  return { tools, rules: [...rules.values()] };
}
