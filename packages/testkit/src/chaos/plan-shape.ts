// Small plans of any shape with the script their agents follow, and what must come of them.
import { Step, findGraphProblems, findHeadProblems } from "@ossaat/contracts";

import type { Random } from "./random.ts";

export type ScriptedReply = {
  toolCalls?: { name: string; input: object }[];
  text?: string;
  usage?: object;
  delayMs?: number;
  chunkDelayMs?: number;
  error?: { kind: string; times?: number; retryAfterMs?: number };
};
export type ScriptEntry = { match: { agent: string; step?: string; turn?: number }; reply: ScriptedReply };

/** What happens in a step besides its writing. */
export type StepTwist = "plain" | "effect" | "once" | "outside" | "rejected" | "flaky" | "broken" | "asked" | "slow";

export type ShapeStep = { id: string; kind: "write" | "audit" | "merge"; needs: string[]; twist: StepTwist };

export type PlanShape = {
  goal: string;
  steps: ShapeStep[];
  /** Does its person let it run as it is? What is not left alone may end in more than one way. */
  incident: Incident | undefined;
};

/** What a person does to a plan besides approving what is asked. */
export type Incident = {
  deed: "pause" | "cancel" | "revise" | "reject" | "edit" | "retry" | "deny";
  /** Not before the log has so many events. */
  afterSeq: number;
};

const finish = (summary: string) => ({ name: "finish", input: { summary, findings: [] } });
const write = (path: string, content: string) => ({ name: "write_file", input: { path, content, overwrite: true } });

/** Path of the file that a writing step makes. */
function fileOf(stepId: string): string {
  return `src/${stepId}.txt`;
}

/** File that every step with this twist writes, outside of its envelope. */
function outsideFileOf(stepId: string): string {
  return `extra/${stepId}.txt`;
}

/** Steps whose file names begin alike write the same file, so that their merge has a conflict. */
function sharedFileOf(stepId: string): string | undefined {
  return stepId.includes("-shared") ? "src/shared.txt" : undefined;
}

const envelopeTools = ["read_file", "write_file", "run_command"];

/** The step as a person edits it into the plan. */
export function toStep({ id, kind, needs, twist }: ShapeStep): Step {
  const files = kind === "audit" ? [] : [fileOf(id), ...(sharedFileOf(id) === undefined ? [] : ["src/shared.txt"])];
  const paths = kind === "merge" ? ["src/**"] : files;
  return Step.parse({
    id,
    title: `Do ${id}`,
    action: { write: "apply_changes", audit: "audit", merge: "merge" }[kind],
    tool: kind === "audit" ? "auditor" : "code_writer",
    agent: kind === "audit" ? "auditor" : "code-writer",
    needs,
    capability: kind === "audit" ? "repo.read" : "repo.write",
    capabilityLabel: "",
    envelope: {
      tools: kind === "audit" ? ["read_file"] : envelopeTools,
      paths,
      commands: ["./effect"],
      effect: twist === "once" ? "once" : "idempotent",
    },
    approvalRequired: twist === "asked",
    files: kind === "write" ? files : [],
    successCheck: { kind: { write: "changes", audit: "report", merge: "merged" }[kind] },
  });
}

const isEffect = (twist: StepTwist) => twist === "effect" || twist === "once" || twist === "slow";

/** Ids of calls that write to the effect log, as `step call`. */
export function effectCalls(steps: readonly ShapeStep[]): Set<string> {
  return new Set(steps.filter(({ twist }) => isEffect(twist)).map(({ id }) => `${id} 2.0`));
}

type Scripting = { effectLog: string; random: Random };

function writerTurns({ id, twist }: ShapeStep, { effectLog, random }: Scripting): ScriptedReply[] {
  const shared = sharedFileOf(id);
  const work: ScriptedReply = {
    toolCalls: [write(fileOf(id), `${id}\n`), ...(shared === undefined ? [] : [write(shared, `${id}\n`)])],
  };
  const seconds = twist === "slow" ? "1.2" : (random.between(0, 15) / 100).toFixed(2);
  const effect = { name: "run_command", input: { argv: ["./effect", effectLog, "{{planId}}", id, "2.0", seconds] } };
  switch (twist) {
    case "effect":
    case "once":
    case "slow":
      return [work, { toolCalls: [effect] }, { toolCalls: [finish("Done.")] }];
    case "outside":
      return [work, { toolCalls: [write(outsideFileOf(id), `${id}\n`)] }, { toolCalls: [finish("Done.")] }];
    case "rejected":
      return [
        { toolCalls: [finish("Nothing to do.")] },
        { text: "I am done." },
        work,
        { toolCalls: [finish("Done.")] },
      ];
    case "flaky":
      return [{ ...work, error: { kind: "overloaded", times: 1, retryAfterMs: 50 } }, { toolCalls: [finish("Done.")] }];
    case "broken":
      return [work, { error: { kind: "badRequest" } }];
    default:
      return [work, { toolCalls: [finish("Done.")] }];
  }
}

function turnsOf(step: ShapeStep, scripting: Scripting): ScriptedReply[] {
  switch (step.kind) {
    case "audit":
      return [{ toolCalls: [{ name: "read_file", input: { path: "README.md" } }] }, { toolCalls: [finish("Fine.")] }];
    case "merge":
      return [{ toolCalls: [write("src/shared.txt", "both\n")] }, { toolCalls: [finish("Joined.")] }];
    case "write":
      return writerTurns(step, scripting);
  }
}

const usage = { inputTokens: 100, outputTokens: 10, costUsd: 0.01 };

/** The plan that the planner proposes, before a person puts their own in its place. */
const draft = {
  summary: "A first idea.",
  successCriteria: ["It is done."],
  steps: [{ id: "draft", title: "Do it", files: ["src/draft.txt"], summary: "Do it.", rationale: "It was asked for." }],
};

/** What the scripted model answers to the agents of these plans. */
export function writeScript(shapes: readonly PlanShape[], scripting: Scripting): ScriptEntry[] {
  const { random } = scripting;
  const timing = () => ({ delayMs: random.between(0, 40), chunkDelayMs: random.between(0, 4) });
  const planner: ScriptEntry = {
    match: { agent: "planner" },
    reply: { usage, ...timing(), toolCalls: [{ name: "propose_plan", input: draft }] },
  };
  const steps = shapes.flatMap((shape) => shape.steps);
  return [
    planner,
    ...steps.flatMap((step) =>
      turnsOf(step, scripting).map((reply, index): ScriptEntry => ({
        match: { agent: step.kind === "audit" ? "auditor" : "code-writer", step: step.id, turn: index + 1 },
        reply: { usage, ...timing(), ...reply },
      })),
    ),
  ];
}

/** How a plan must end that nobody interferes with. */
export function expectedStatus({ steps, incident }: PlanShape): "succeeded" | "failed" | undefined {
  if (incident !== undefined && incident.deed !== "pause") return undefined;
  return steps.some(({ twist }) => twist === "broken") ? "failed" : "succeeded";
}

/** Files on the branch of a plan that succeeded, without those of the base. */
export function expectedFiles({ steps }: PlanShape): Record<string, string> {
  const writers = steps.filter(({ kind }) => kind === "write");
  const hasShared = writers.some(({ id }) => sharedFileOf(id) !== undefined);
  return Object.fromEntries([
    ...writers.map(({ id }) => [fileOf(id), id]),
    ...writers.filter(({ twist }) => twist === "outside").map(({ id }) => [outsideFileOf(id), id]),
    ...(hasShared ? [["src/shared.txt", "both"]] : []),
  ]) as Record<string, string>;
}

const twists: readonly StepTwist[] = [
  "plain",
  "plain",
  "effect",
  "effect",
  "once",
  "slow",
  "outside",
  "rejected",
  "flaky",
  "asked",
];

/** A random graph: each step starts from nothing or from one before; open ends are joined. */
function randomSteps(prefix: string, random: Random): ShapeStep[] {
  const steps: ShapeStep[] = [];
  const count = random.pick([1, 2, 2, 3, 3, 4]);
  for (let n = 0; n < count; n += 1) {
    const before = steps.length > 0 && random.chance(0.6) ? [random.pick(steps).id] : [];
    const kind = before.length > 0 && random.chance(0.25) ? ("audit" as const) : ("write" as const);
    steps.push({ id: `${prefix}s${n}`, kind, needs: before, twist: kind === "audit" ? "plain" : random.pick(twists) });
  }
  const needed = new Set(steps.flatMap(({ needs }) => needs));
  const ends = steps.filter(({ id }) => !needed.has(id)).map(({ id }) => id);
  if (ends.length > 1) steps.push({ id: `${prefix}join`, kind: "merge", needs: ends, twist: "plain" });
  return steps;
}

const deeds: readonly Incident["deed"][] = ["pause", "cancel", "revise", "reject", "edit", "deny"];

/** A plan that the server accepts; `prefix` keeps step ids apart from those of other plans. */
export function randomShape(prefix: string, random: Random): PlanShape {
  for (;;) {
    const steps = randomSteps(prefix, random);
    const plan = { steps: steps.map(toStep) };
    const isSound = findGraphProblems(plan).length === 0 && findHeadProblems(plan).length === 0;
    const incident = random.chance(0.3) ? { deed: random.pick(deeds), afterSeq: random.between(5, 40) } : undefined;
    if (isSound) return { goal: `Do plan ${prefix}`, steps, incident };
  }
}
