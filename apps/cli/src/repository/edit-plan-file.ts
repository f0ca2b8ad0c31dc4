// Editing a plan through its file: `.plans/<id>/plan.json` in the repository, or another one.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { AgentError, canonicalJson } from "@ossaat/contracts";
import type { EditPlanRequest, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { splitWords } from "../terminal/command-line.ts";

function planFilePath(state: PlanState): string {
  return path.join(state.repository.path, ".plans", state.id, "plan.json");
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new AgentError("invalid_input", `${file} cannot be read.`, {
      details: { next: `ls -l ${file}` },
      cause: error,
    });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const where = error instanceof Error ? error.message : "";
    throw new AgentError("invalid_input", `${file} is not valid JSON: ${where}. The stored plan is unchanged.`, {
      details: { next: "mend the file, then `ossaat edit`" },
      cause: error,
    });
  }
}

/** Whether the file on disk says something else than the stored revision; false when it is gone. */
export async function isEditedOnDisk(state: PlanState): Promise<boolean> {
  const text = await readFile(planFilePath(state), "utf8").catch(() => undefined);
  if (text === undefined || state.plan === undefined) return false;
  try {
    return canonicalJson(JSON.parse(text)) !== canonicalJson(state.plan);
  } catch {
    return true;
  }
}

function runEditor(editor: string, file: string): Promise<number> {
  const [program = "vi", ...args] = splitWords(editor);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, file], { stdio: "inherit" });
    child.on("error", (error) => {
      reject(
        new AgentError("invalid_input", `The editor ${JSON.stringify(program)} cannot be started.`, {
          details: { next: `\`export EDITOR=vi\`, or edit ${file} and run \`ossaat edit\`` },
          cause: error,
        }),
      );
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function submit(client: Client, state: PlanState, file: string): Promise<PlanState> {
  const plan = parseJson(await readText(file), file) as EditPlanRequest["plan"];
  const base = (plan as { planHash?: unknown } | null)?.planHash ?? state.planHash;
  if (typeof base !== "string") {
    throw new AgentError("invalid_input", `${file} has no planHash.`, {
      details: { next: `ossaat show ${state.id} --plan` },
    });
  }
  const after = await client.editPlan(state.id, { basePlanHash: base, plan });
  return after;
}

export type EditOptions = {
  /** Another file than the plan's own. */
  file?: string | undefined;
  /** Opens the editor also on a file that was changed already, as one that was refused. */
  mustOpen?: boolean;
};

/**
 * Makes the edited file the plan's newest revision. Without `file` the plan's own one is taken,
 * opened in the editor first when it is unchanged and a person is there.
 * @throws AgentError invalid_input (file, JSON, plan), conflict (stale, started steps)
 */
export async function editPlanFile(
  client: Client,
  context: CommandContext,
  state: PlanState,
  { file: given, mustOpen = false }: EditOptions = {},
): Promise<PlanState> {
  const file = given ?? planFilePath(state);
  if (given === undefined && (mustOpen || !(await isEditedOnDisk(state)))) {
    if (!context.output.isInteractive) {
      throw new AgentError("invalid_input", `${file} is the stored revision: there is nothing to store.`, {
        details: { next: `change the file, or name another one: \`ossaat edit ${state.id} --file FILE\`` },
      });
    }
    const code = await runEditor(context.config.editor ?? "vi", file);
    if (code !== 0) {
      throw new AgentError("cancelled", `The editor ended with ${code}: the plan stays as it was.`, {
        details: { next: `ossaat edit ${state.id}` },
      });
    }
  }
  const after = await submit(client, state, file);
  const same = after.planHash === state.planHash;
  context.output.note(
    same
      ? "The plan is unchanged."
      : `Stored as revision ${after.revision}, hash ${after.planHash?.slice(0, 16) ?? ""}.`,
  );
  return after;
}
