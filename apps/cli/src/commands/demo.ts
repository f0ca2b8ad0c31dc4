// `ossaat demo`: the whole job on a sample repository. The model's replies are scripted; plan,
// approvals, sandbox, tools, git, the crash in the middle and the resume are real.
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { LiveEvent, PlanEvent, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { withOwnState } from "../config.ts";
import type { Config } from "../config.ts";
import { countTurns } from "../demo/count-turns.ts";
import { countTests, makeSample } from "../demo/make-sample.ts";
import type { TestCounts } from "../demo/make-sample.ts";
import { heading, runSample } from "../demo/run-sample.ts";
import { exitCodeOf } from "../exit-code.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { connect, stopServer } from "../server/connect.ts";
import { renderEnd } from "../terminal/render-end.ts";

export type DemoFlags = { dir?: string; kill?: boolean; store?: string };

type Demo = { client: Client; context: CommandContext; config: Config; kill: boolean };

/** A server with the sandbox, or without it where this machine forbids one. */
async function connectDemo(context: CommandContext, config: Config): Promise<Client> {
  const { client } = await connect(config, { mustFit: true });
  const { sandbox } = await client.status();
  if (sandbox.driver !== "unavailable") return client;
  context.output.warn(
    context.style.paint(
      "red",
      `NO SANDBOX on this machine: ${sandbox.detail}\nThe demo goes on without isolation, because every command in it is its own sample's. Real runs refuse.\nTo mend it: ${sandbox.fix ?? "install bubblewrap"}`,
    ),
  );
  await stopServer(config);
  return (await connect(config, { mustFit: true, dangerouslyNoSandbox: true })).client;
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
    `Look at it:   git -C ${JSON.stringify(sample)} log --oneline --stat main..${state.branch ?? ""}`,
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
  const own = withOwnState(context.config, path.join(folder, "state"));
  const config: Config = {
    ...own,
    modelRequestLog: requestLog,
    // Only a database that was named for the demo: the person's own is not for samples.
    ...(flags.store === undefined ? {} : { store: flags.store }),
  };
  const sample = await makeSample(folder);
  output.note(
    style.paint("yellow", "This demo uses a SCRIPTED model: its replies were written beforehand, no key is needed.") +
      "\nEverything else is real: planning checks, approvals, sandbox, tools, git, a crash and the resume.",
  );
  const before = await countTests(sample);
  const client = await connectDemo(context, config);
  const demo: Demo = { client, context, config, kill: flags.kill !== false };
  try {
    heading(context, "Goal → plan");
    const state = await withInterrupt(context, (signal) =>
      runSample({ client, context, sample, signal, onEvent: killOnce(demo) }),
    );
    if (state.status === "succeeded") await printDiff(demo, state);
    heading(context, "Result");
    output.print(renderEnd(state, style, { next: false }));
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
