// run_command: one program in the sandbox; what it changed outside the envelope is undone.
import { AgentError, toolLimits } from "@ossaat/contracts";
import { normalizePath } from "@ossaat/policy";

import { takeSnapshot } from "../workspace/working-tree.ts";
import { describeEnd, egressOutput, runInSandbox, wallSeconds } from "./run-in-sandbox.ts";
import { revertNote, runSettled } from "./settle-changes.ts";
import type { Tool } from "./tool.ts";

export const runCommand: Tool<"run_command"> = async (context, input) => {
  const normal = normalizePath(input.cwd);
  const cwd = normal.ok ? normal.path : input.cwd;
  if ((await context.files.kind(cwd)) !== "folder") {
    throw new AgentError("not_found", `The folder ${cwd} does not exist.`);
  }
  const timeoutSeconds = wallSeconds(context, input.timeoutSeconds);
  const before = await takeSnapshot(context.git, context.workspace, context.signal);
  const hosts = input.hosts === undefined ? {} : { hosts: input.hosts };
  const command = { argv: input.argv, cwd, timeoutSeconds, ...hosts };
  const { run, settled } = await runSettled(context, before, (room) =>
    runInSandbox(context, { ...command, room }, toolLimits.maxOutputBytes),
  );
  const end = describeEnd(run.result, timeoutSeconds);
  const body = run.text.trimEnd();
  return {
    summary: `${input.argv[0] ?? ""} ${end}`,
    output: {
      text: `[${end} after ${run.record.seconds} s]${revertNote(settled)}${run.note}\n${body === "" ? "(no output)" : body}`,
      ...settled,
      commands: [run.record],
      ...egressOutput(run),
      ...(run.result.unsandboxed ? { unsandboxed: true } : {}),
    },
  };
};
