// `ossaat open`: the branch of a plan, or the working tree of a step, in your editor.
import { statusText } from "@ossaat/contracts";
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";
import type { Client } from "@ossaat/client";
import type { PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { branchFolder, stepFolder } from "../repository/open-folder.ts";
import { readAllEvents } from "../repository/read-events.ts";
import { requireCheckout } from "../repository/require-checkout.ts";
import { requireStep } from "../repository/require-step.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { splitWords } from "../terminal/command-line.ts";

export type OpenFlags = { step?: string; print?: boolean };

function hasProgram(program: string, searchPath: string): boolean {
  return searchPath.split(":").some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function folderOf(
  client: Client,
  context: CommandContext,
  { state, step }: { state: PlanState; step?: string | undefined },
): Promise<string> {
  const { config } = context;
  if (config.remote === undefined) requireCheckout(state);
  if (step === undefined && state.branch !== undefined) return branchFolder(state, config.stateDir);
  requireStep(state, step);
  const events = config.remote === undefined ? await readAllEvents(client, state.id) : [];
  const folder = stepFolder(events, { planId: state.id, stepId: step, stateDir: config.stateDir });
  if (folder !== undefined) return folder;
  throw new AgentError(
    "conflict",
    `${state.id} is ${statusText(state.status)}: there is no branch and no working tree to open.`,
    {
      details: { next: `ossaat show ${state.id}` },
    },
  );
}

function runEditor(words: readonly string[], folder: string): Promise<void> {
  const [program = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, folder], { stdio: "inherit" });
    const next = `ossaat config set terminal.editor EDITOR, or open ${folder}`;
    child.on("error", (cause) => {
      reject(new AgentError("invalid_input", `The editor ${program} cannot be started.`, { details: { next }, cause }));
    });
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new AgentError("conflict", `The editor ${program} ended with ${code ?? "a signal"}.`, { details: { next } }),
        );
    });
  });
}

/** Opens the editor on a terminal; prints the folder elsewhere, or where no editor is known. */
export async function openCommand(
  text: string | undefined,
  flags: OpenFlags,
  context: CommandContext,
): Promise<number> {
  const { output, config } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text);
  const folder = await folderOf(client, context, { state, step: flags.step });
  const named = config.editor ?? (hasProgram("code", config.searchPath) ? "code" : undefined);
  const words = splitWords(named ?? "");
  if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, folder });
  else if (flags.print === true || !output.isInteractive || words.length === 0) {
    output.print(folder);
    if (output.isInteractive && words.length === 0)
      output.note("No editor is named.\nNext: ossaat config set terminal.editor EDITOR");
  } else {
    output.note(`Opening ${folder}`);
    await runEditor(words, folder);
  }
  return 0;
}
