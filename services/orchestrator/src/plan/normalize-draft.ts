// From a draft to a full plan: fan-in, test and audit steps, envelopes, capabilities, hashes.
import {
  AgentError,
  Step,
  capabilityTable,
  findGraphProblems,
  findHeadProblems,
  sealPlan,
  toolSpecs,
  topologicalOrder,
} from "@ossaat/contracts";
import type {
  AgentCapability,
  AgentProfile,
  Budget,
  Plan,
  PlanId,
  SealedPlan,
  SuccessCheck,
  ToolName,
} from "@ossaat/contracts";
import { z } from "zod";

import { networkProblem, sizeProblems } from "./edit-plan.ts";
import type { PlanProblem } from "./edit-plan.ts";
import type { DraftStep, PlanDraft } from "./plan-draft.ts";
import { withRuleRisk } from "./step-risk.ts";

export type NormalizeInput = {
  draft: PlanDraft;
  planId: PlanId;
  revision: number;
  createdAt: string;
  goal: string;
  planner: "model" | "context";
  model?: { provider: string; id: string };
  repository: { branch?: string; commit: string };
  budget: Budget;
  /** Names of the agents that may be used. */
  agents: ReadonlySet<string>;
  /** Their profiles: a capability with `human_approval` makes a step that uses it ask. */
  profiles: ReadonlyMap<string, Pick<AgentProfile, "approval_policy" | "capabilities">>;
  /** Commands that run the project's tests, from its own files. */
  testCommands: readonly string[][];
  /** Steps of the revision before that have finished: they stay, and new ones build on them. */
  finished: readonly Step[];
};

const readTools = ["list_files", "read_file", "search_text", "git_status", "git_diff", "git_log"];
const writeTools = [...readTools, "edit_file", "write_file", "apply_patch", "run_tests"];

/** Longest title and id of a step, see its schema. */
const maxTitleChars = 200;
const maxIdChars = 64;

function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}

type Fixed = {
  capability: AgentCapability;
  tools: string[];
  paths?: string[];
  commands?: string[];
  hosts?: string[];
  check: SuccessCheck;
};

function fixedFields({ capability, tools, paths = [], commands = [], hosts = [], check }: Fixed) {
  return {
    capability,
    capabilityLabel: capabilityTable[capability].label,
    envelope: { tools, paths, commands, egressHosts: hosts, secrets: [], budget: {}, effect: "idempotent" as const },
    successCheck: check,
  };
}

function writingStep(
  draft: DraftStep,
  { id, needs, testCommands }: { id: string; needs: string[]; testCommands: string[] },
): Step {
  const commands = unique([...draft.commands, ...testCommands]);
  const tools = commands.length > 0 ? [...writeTools, "run_command"] : writeTools;
  return Step.parse({
    id,
    title: draft.title,
    action: "apply_changes",
    tool: draft.agent.replaceAll("-", "_"),
    agent: draft.agent,
    needs,
    ...fixedFields({
      capability: "repo.write",
      tools,
      paths: unique([...draft.files, ...draft.paths]),
      commands,
      hosts: unique(draft.hosts),
      check: { kind: "changes" },
    }),
    summary: draft.summary,
    rationale: draft.rationale,
    files: draft.files,
    risk: draft.risk,
  });
}

function mergeStep(id: string, needs: string[], steps: readonly Step[]): Step {
  const joined = steps.filter((step) => needs.includes(step.id));
  return Step.parse({
    id,
    title: shorten(`Join ${needs.join(", ")}`, maxTitleChars),
    action: "merge",
    tool: "code_writer",
    agent: "code-writer",
    needs,
    ...fixedFields({
      capability: "repo.write",
      tools: [...readTools, "edit_file", "write_file"],
      paths: unique(joined.flatMap((step) => step.envelope.paths)),
      check: { kind: "merged" },
    }),
    summary:
      "Replays the commits of the parallel steps one after the other; a conflict is resolved by the writer once.",
    rationale: "The steps before are independent and were written side by side.",
  });
}

function closingSteps(
  { agents, testCommands }: NormalizeInput,
  { needs, newId }: { needs: string[]; newId: (wanted: string) => string },
): Step[] {
  const closing: Step[] = [];
  if (agents.has("tester")) {
    const commands = testCommands.map((argv) => argv.join(" "));
    const tools = commands.length > 0 ? [...readTools, "run_tests", "run_command"] : [...readTools, "run_tests"];
    closing.push(
      Step.parse({
        id: newId("test"),
        title: "Run the project's tests",
        action: "run_tests",
        tool: "tester",
        agent: "tester",
        needs,
        ...fixedFields({ capability: "test.run", tools, commands, check: { kind: "tests" } }),
        rationale: "The result counts only when the project's own tests pass in the sandbox.",
      }),
    );
  }
  if (agents.has("auditor")) {
    closing.push(
      Step.parse({
        id: newId("audit"),
        title: "Review the whole change",
        action: "audit",
        tool: "auditor",
        agent: "auditor",
        needs: closing[0] === undefined ? needs : [closing[0].id],
        ...fixedFields({ capability: "repo.read", tools: readTools, check: { kind: "report" } }),
        rationale: "A second look at the complete diff, for the person who reviews it.",
      }),
    );
  }
  return closing;
}

/** Ids of writing or merge steps that nothing else builds on. */
function openEnds(steps: readonly Step[]): string[] {
  const needed = new Set(steps.flatMap((step): string[] => step.needs));
  return steps.filter((step) => !needed.has(step.id)).map(({ id }) => id);
}

class Builder {
  readonly #input: NormalizeInput;
  readonly #suffix: string;
  readonly #used: Set<string>;
  readonly steps: Step[];
  readonly #renamed = new Map<string, string>();

  constructor(input: NormalizeInput) {
    this.#input = input;
    this.#suffix = input.revision > 1 ? `-r${input.revision}` : "";
    this.steps = input.finished.filter((step) => step.action === "apply_changes" || step.action === "merge");
    this.#used = new Set(this.steps.map(({ id }): string => id));
  }

  #newId(wanted: string): string {
    const withEnd = (end: string) => `${wanted.slice(0, maxIdChars - end.length)}${end}`;
    let unused = withEnd(this.#suffix);
    for (let n = 2; this.#used.has(unused); n += 1) unused = withEnd(`${this.#suffix}-${n}`);
    this.#used.add(unused);
    return unused;
  }

  /** One step to start from: the only one needed, or a merge of them. */
  #joined(needs: readonly string[], label: string): string[] {
    if (needs.length <= 1) return [...needs];
    const known = this.steps.find((step) => step.action === "merge" && step.needs.join() === needs.join());
    if (known !== undefined) return [known.id];
    const merge = mergeStep(this.#newId(label), [...needs], this.steps);
    this.steps.push(merge);
    return [merge.id];
  }

  addWriting(draft: DraftStep): void {
    const finishedEnds = openEnds(this.#input.finished.filter((step) => this.#used.has(step.id)));
    const own = draft.needs.map((need) => this.#renamed.get(need) ?? need);
    const needs = this.#joined(own.length > 0 ? own : finishedEnds, `merge-before-${draft.id}`);
    const id = this.#newId(draft.id);
    this.#renamed.set(draft.id, id);
    const testCommands = this.#input.testCommands.map((argv) => argv.join(" "));
    this.steps.push(writingStep(draft, { id, needs, testCommands }));
  }

  close(): void {
    const ends = this.#joined(openEnds(this.steps), "merge");
    this.steps.push(...closingSteps(this.#input, { needs: ends, newId: (wanted) => this.#newId(wanted) }));
  }
}

/** Problems of the graph; a need may also name a step that has finished. */
function graphProblems(draft: PlanDraft, finished: readonly Step[]): PlanProblem[] {
  const done = new Set(finished.map(({ id }): string => id));
  const steps = draft.steps.map((step) => ({ ...step, needs: step.needs.filter((need) => !done.has(need)) }));
  return findGraphProblems({ steps: steps as unknown as Step[] });
}

function draftProblems(draft: PlanDraft, { agents, profiles, finished }: NormalizeInput): PlanProblem[] {
  const graph = graphProblems(draft, finished);
  const unknownAgents = draft.steps.flatMap((step, index) =>
    agents.has(step.agent) ? [] : [{ path: `steps[${index}].agent`, message: `unknown agent "${step.agent}"` }],
  );
  const noPaths = draft.steps.flatMap((step, index) =>
    step.files.length + step.paths.length > 0
      ? []
      : [{ path: `steps[${index}].files`, message: "name at least one file or glob that the step changes" }],
  );
  const noNetwork = draft.steps.flatMap((step, index) =>
    networkProblem(`steps[${index}].hosts`, {
      hosts: step.hosts,
      agent: step.agent,
      profile: profiles.get(step.agent),
    }),
  );
  return [...graph, ...unknownAgents, ...noPaths, ...noNetwork];
}

/** A draft within its own limits may still ask for more than a plan can hold. */
function asProblems(thrown: unknown): PlanProblem[] {
  if (thrown instanceof z.ZodError) {
    return thrown.issues.map(({ path, message }) => ({ path: z.core.toDotPath(path), message }));
  }
  if (thrown instanceof AgentError && thrown.code === "invalid_input") return [{ path: "", message: thrown.message }];
  throw AgentError.from(thrown);
}

/** What platform and profile say of a step, whatever the planner said; finished steps stay as approved. */
function withRules(step: Step, { profiles, finished }: NormalizeInput): Step {
  const asking = asksItself(step, profiles) ? { ...step, approvalRequired: true } : step;
  return finished.some(({ id }) => id === step.id) ? asking : withRuleRisk(asking);
}

function asksItself(step: Step, profiles: NormalizeInput["profiles"]): boolean {
  const rules = profiles.get(step.agent)?.approval_policy ?? {};
  const byTool = step.envelope.tools.some((tool) => {
    const spec = Object.hasOwn(toolSpecs, tool) ? toolSpecs[tool as ToolName] : undefined;
    return spec !== undefined && rules[spec.capability] === "human_approval";
  });
  return byTool || (step.envelope.egressHosts.length > 0 && rules["network.egress"] === "human_approval");
}

/** The full plan, or what is wrong with the draft. */
export function normalizeDraft(input: NormalizeInput): { plan: SealedPlan } | { problems: PlanProblem[] } {
  const problems = draftProblems(input.draft, input);
  if (problems.length > 0) return { problems };
  try {
    return buildPlan(input);
  } catch (error) {
    return { problems: asProblems(error) };
  }
}

function buildPlan(input: NormalizeInput): { plan: SealedPlan } | { problems: PlanProblem[] } {
  const { draft } = input;
  const builder = new Builder(input);
  const { order } = topologicalOrder(draft.steps as unknown as Step[]);
  for (const id of order) {
    const step = draft.steps.find((candidate) => candidate.id === id);
    if (step !== undefined) builder.addWriting(step);
  }
  builder.close();
  const plan: Plan = {
    schemaVersion: 1,
    id: input.planId,
    revision: input.revision,
    createdAt: input.createdAt,
    goal: input.goal,
    summary: draft.summary,
    assumptions: draft.assumptions,
    risks: draft.risks,
    planner: input.planner,
    ...(input.model === undefined ? {} : { model: input.model }),
    repository: input.repository,
    budget: input.budget,
    steps: builder.steps.map((step) => withRules(step, input)),
    successCriteria: draft.successCriteria,
  };
  const structural = [...findGraphProblems(plan), ...findHeadProblems(plan), ...sizeProblems(plan)];
  return structural.length > 0 ? { problems: structural } : { plan: sealPlan(plan) };
}
