// One plan whose server is killed again and again, and what must be the same as without.
import { AgentError } from "@ossaat/contracts";
import type { PlanId } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";

import type { AgentStack, ScriptEntry } from "./agent-stack.ts";
import { readEvents } from "../event/read-events.ts";
import { auditPlan } from "./audit-plan.ts";
import { Killed } from "./mortal.ts";
import type { Death } from "./mortal.ts";

export const crashFiles = { "src/a.ts": "export const a = 1;\n", "README.md": "# demo\n" };

/** Reads, edits in the envelope, asks for a command's result and finishes. */
const crashScript: readonly ScriptEntry[] = [
  {
    match: { agent: "code-writer", turn: 1 },
    reply: { toolCalls: [{ name: "read_file", input: { path: "src/a.ts" } }] },
  },
  {
    match: { agent: "code-writer", turn: 2 },
    reply: {
      toolCalls: [
        { name: "edit_file", input: { path: "src/a.ts", oldText: "a = 1", newText: "a = 2" } },
        { name: "write_file", input: { path: "src/new.ts", content: "export {};\n" } },
      ],
      usage: { inputTokens: 100, outputTokens: 10, costUsd: 0.5 },
    },
  },
  {
    match: { agent: "code-writer", turn: 3 },
    reply: {
      toolCalls: [
        { name: "edit_file", input: { path: "src/a.ts", oldText: "a = 2", newText: "a = 3" } },
        { name: "finish", input: { summary: "Done." } },
      ],
    },
  },
];

export type CrashResult = {
  status: string;
  steps: string[];
  tree: string;
  commits: string;
  spend: unknown;
  /** Calls with a recorded end, checks of the platform included. */
  calls: string[];
  /** Turns that were asked for, in order: each once. */
  requests: string[];
  problems: string[];
};

/** Longer than any pause before another attempt. */
const longestBackoffMs = 600_000;

async function runToTheEnd(stack: AgentStack, planId: PlanId, deaths: Iterator<Death>): Promise<number> {
  let kills = 0;
  for (;;) {
    const next = deaths.next();
    const server = stack.process(next.done === true ? undefined : next.value);
    try {
      await server.start(longestBackoffMs);
      await server.run(planId);
      return kills;
    } catch (error) {
      if (!server.life.isDead || !isDeath(error)) throw error;
      kills += 1;
    }
  }
}

function isDeath(error: unknown): boolean {
  return error instanceof Killed || (error instanceof AgentError && error.cause instanceof Killed);
}

async function finishedCalls({ engine }: AgentStack, planId: string): Promise<string[]> {
  const events = await readEvents(engine.store.read, planId);
  return events.flatMap((event) =>
    event.type === "tool.finished" ? [`${event.data.callId} ${event.data.state}`] : [],
  );
}

/** Runs the plan with servers that die as told; the last one lives. */
export async function crashRun(
  stack: AgentStack,
  deaths: Iterable<Death>,
): Promise<{ result: CrashResult; kills: number }> {
  const model = stack.script(crashScript);
  const step = testStep("a", {
    envelope: { tools: ["read_file", "edit_file", "write_file"], paths: ["src/**"] },
    successCheck: { kind: "command", argv: ["git", "--version"] },
  });
  const planId = await stack.process().storePlan([step], { model });
  const kills = await runToTheEnd(stack, planId, deaths[Symbol.iterator]());
  const state = await stack.process().state(planId);
  if (state.branch === undefined) throw new Error(`the plan is ${state.status}: ${state.message ?? ""}`);
  const branch = `ossaat/${planId}`;
  return {
    kills,
    result: {
      status: state.status,
      steps: state.steps.map(({ id, status }) => `${id} ${status}`),
      tree: stack.git("rev-parse", `${branch}^{tree}`).trim(),
      commits: stack.git("log", "--format=%an|%s|%b", `main..${branch}`).replaceAll(planId, "<plan>"),
      spend: state.spend,
      calls: await finishedCalls(stack, planId),
      requests: stack.requests(planId),
      problems: await auditPlan(stack.engine, planId),
    },
  };
}
