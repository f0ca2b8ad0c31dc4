// `ossaat agents` and `ossaat new-agent`.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

import { agentPath, newAgentText } from "@ossaat/agents";
import { AgentError } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { findRepository } from "../repository/find-repository.ts";
import { escapeLine } from "../terminal/escape.ts";

async function requireRepository(context: CommandContext): Promise<string> {
  const root = await findRepository(context);
  if (root !== undefined) return root;
  throw new AgentError("invalid_input", `${context.folder} is not inside a git repository.`, {
    details: { next: "`git init`, or `ossaat -C REPOSITORY agents`" },
  });
}

/** Lists the profiles that hold at the repository's HEAD, and what is wrong with others. */
export async function agentsCommand(context: CommandContext): Promise<number> {
  const { output, style } = context;
  const root = await requireRepository(context);
  const { client } = await context.connect();
  const list = await client.listAgents(root);
  if (output.format !== "text") {
    output.json(list);
    return 0;
  }
  for (const agent of list.agents) {
    output.print(`${style.paint("bold", agent.name)}  ${escapeLine(agent.role)}  ${style.paint("dim", agent.source)}`);
    output.print(`  may ${agent.capabilities.join(", ")}; model ${agent.model.provider}, ${agent.model.routing}`);
  }
  for (const problem of list.problems) {
    const line = problem.line === undefined ? "" : `:${problem.line}`;
    const kind = problem.level === "notice" ? "notice" : "not used";
    output.warn(escapeLine(`${kind}: ${problem.path}${line}: ${problem.message}`));
  }
  return 0;
}

/** Writes agents/<name>/agent.md; an existing profile is never overwritten. */
export async function newAgentCommand(name: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const text = newAgentText(name);
  const root = await requireRepository(context);
  const file = path.join(root, agentPath(name));
  await mkdir(path.dirname(file), { recursive: true });
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new AgentError("conflict", `${agentPath(name)} exists already.`, {
      details: { next: "ossaat agents" },
      cause: error,
    });
  }
  if (output.format === "text") output.print(file);
  else output.json({ schemaVersion: 1, path: file });
  output.note(`Next: edit it, commit it (plans read committed profiles), and check it with \`ossaat agents\`.`);
  return 0;
}
