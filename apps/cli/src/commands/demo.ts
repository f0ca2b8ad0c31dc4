// `ossaat demo`: the whole job on a sample repository. The model's replies are scripted; plan,
// approvals, sandbox, tools, git, the crash in the middle and the resume are real.
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { LiveEvent, PlanEvent, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import type { Config } from "../config.ts";
import { countTurns } from "../demo/count-turns.ts";
import { countTests, makeSample, scriptPath } from "../demo/make-sample.ts";
import type { TestCounts } from "../demo/make-sample.ts";
import { exitCodeOf } from "../exit-code.ts";
import { followPlan } from "../follow/follow-plan.ts";
import type { Answered } from "../follow/follow-plan.ts";
import { pendingApprovals } from "../follow/on-approval.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { connect, stopServer } from "../server/connect.ts";
import { renderApprovalCard } from "../terminal/approval-card.ts";
import { renderEnd } from "../terminal/render-end.ts";
import { renderPlanText } from "../terminal/render-plan.ts";

export type DemoFlags = { dir?: string; kill?: boolean };

const goal =
  "Invoices are wrong by cents: make parseAmount in src/money.js keep every cent, and lineTotal in src/invoice.js take its discount in percent";

const denial = "Add no dependency: whole cents are enough.";

type Demo = { client: Client; context: CommandContext; config: Config; kill: boolean };

function heading({ output, style }: CommandContext, text: string): void {
  output.note(`\n${style.paint("bold", `── ${text}`)}`);
}

/** A server with the sandbox, or without it where this machine forbids one. */
async function connectDemo(context: CommandContext, config: Config): Promise<Client> {
  const { client } = await connect(config);
  const { sandbox } = await client.status();
  if (sandbox.driver !== "unavailable") return client;
  context.output.warn(
    context.style.paint(
      "red",
      `NO SANDBOX on this machine: ${sandbox.detail}\nThe demo goes on without isolation, because every command in it is its own sample's. Real runs refuse.\nTo mend it: ${sandbox.fix ?? "install bubblewrap"}`,
    ),
  );
  await stopServer(config);
  return (await connect(config, { dangerouslyNoSandbox: true })).client;
}

/** The demo stands in for the person: it approves the plan and denies what leaves the envelope. */
async function answer({ client, context }: Demo, state: PlanState): Promise<Answered> {
  const { output, style } = context;
  if (state.status === "awaiting_approval" && state.planHash !== undefined) {
    heading(context, "The plan, as `ossaat plan` shows it");
    output.print(renderPlanText(state, style));
    heading(context, "Approved by the demo on your behalf (`ossaat approve`)");
    await client.decidePlan(state.id, { decision: "approve", planHash: state.planHash, comment: "demo" });
    return "answered";
  }
  const [approval] = pendingApprovals(state);
  if (approval === undefined) return "leave";
  heading(context, "The agent wants something outside its envelope; the run waits, durable");
  output.note(renderApprovalCard(approval, style));
  output.note(`Denied by the demo on your behalf, with feedback: “${denial}”`);
  const { approvalId, requestHash } = approval;
  await client.decideApproval(approvalId, { decision: "deny", requestHash, feedback: denial });
  return "answered";
}

/** Kills the server once, in the middle of a writer's work. */
function killOnce({ client, context, kill }: Demo): (event: PlanEvent | LiveEvent) => void {
  let armed = kill;
  return (event) => {
    if (!armed || event.type !== "tool.finished" || event.data.tool !== "edit_file") return;
    armed = false;
    const strike = async () => {
      const { pid } = await client.status();
      process.kill(pid, "SIGKILL");
      const told = `The demo killed the server (SIGKILL, pid ${pid}); it starts again and resumes.`;
      context.output.note(context.style.paint("yellow", told));
    };
    strike().catch((error: unknown) => {
      context.output.warn(`The server could not be killed: ${AgentError.from(error).message}`);
    });
  };
}

async function runDemo(demo: Demo, sample: string): Promise<PlanState> {
  const { client, context } = demo;
  heading(context, "Goal → plan");
  const model = `scripted:${scriptPath}`;
  const created = await client.createPlan({ goal, repository: { path: sample }, model });
  return withInterrupt(context, (signal) =>
    followPlan(client, context, {
      planId: created.id,
      signal,
      onParked: (state) => answer(demo, state),
      onEvent: killOnce(demo),
    }),
  );
}

async function printDiff({ client, context }: Demo, state: PlanState): Promise<void> {
  heading(context, "Diff (`ossaat diff`)");
  const { files } = await client.getDiff(state.id);
  context.output.print(files.map((file) => file.patch.trimEnd()).join("\n"));
}

function lastTests(state: PlanState): TestCounts | undefined {
  const report = state.steps.findLast(({ result }) => result?.tests !== undefined)?.result?.tests;
  return report as TestCounts | undefined;
}

function renderResult(state: PlanState, { before, sample }: { before: TestCounts; sample: string }): string {
  const after = lastTests(state);
  const afterText =
    after === undefined
      ? "not run"
      : `${after.passed} passed, ${after.failed} failed (by the tester, on the joined change)`;
  return [
    `Tests before: ${before.passed} passed, ${before.failed} failed`,
    `Tests after:  ${afterText}`,
    `Repository:   ${sample} (your checkout there was not touched: see git status, git log --all --oneline)`,
  ].join("\n");
}

/** Returns the exit code of the run; 1 when a turn was bought twice. */
export async function demoCommand(flags: DemoFlags, context: CommandContext): Promise<number> {
  const { output, style } = context;
  const folder = path.resolve(
    context.folder,
    flags.dir ?? (await mkdtemp(path.join(os.tmpdir(), "ossaat-demo-"))),
    "run",
  );
  const requestLog = path.join(folder, "model-requests.jsonl");
  const config: Config = { ...context.config, stateDir: path.join(folder, "state"), modelRequestLog: requestLog };
  const sample = await makeSample(folder);
  output.note(
    style.paint("yellow", "This demo uses a SCRIPTED model: its replies were written beforehand, no key is needed.") +
      "\nEverything else is real: planning checks, approvals, sandbox, tools, git, a crash and the resume.",
  );
  const before = await countTests(sample);
  const client = await connectDemo(context, config);
  const demo: Demo = { client, context, config, kill: flags.kill !== false };
  try {
    const state = await runDemo(demo, sample);
    if (state.status === "succeeded") await printDiff(demo, state);
    heading(context, "Result");
    output.print(renderEnd(state, style));
    output.print(renderResult(state, { before, sample }));
    const turns = await countTurns(requestLog);
    output.print(`Model turns:  ${turns.delivered} delivered, ${turns.boughtTwice} bought twice`);
    heading(context, "Your own repository");
    output.note('cd your-repository && ossaat plan "what should change"   (no key needed to plan; a model to run)');
    if (turns.boughtTwice > 0) return 1;
    return exitCodeOf(state);
  } finally {
    await stopServer(config);
  }
}
