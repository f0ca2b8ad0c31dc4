// `ossaat plan`: proposes a plan and shows it. Nothing runs.
import { AgentError, PlanPriority, exitCodes, isModelAllowed } from "@ossaat/contracts";
import type { CreatePlanRequest, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";
import path from "node:path";

import type { CommandContext } from "../command-context.ts";
import { exitCodeOfProposal } from "../exit-code.ts";
import { cancelOnInterrupt } from "../follow/cancel-on-interrupt.ts";
import { followPlan } from "../follow/follow-plan.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { findRepository } from "../repository/find-repository.ts";
import { readGoal } from "../repository/read-goal.ts";
import { requireOutside } from "../repository/require-outside.ts";
import { escapeLine, escapeText } from "../terminal/escape.ts";
import { renderPlanText } from "../terminal/render-plan.ts";

export type PlanFlags = { base?: string; detach?: boolean; priority?: string };

/** @throws AgentError invalid_input */
function readPriority(text: string): PlanPriority {
  const { data } = PlanPriority.safeParse(text);
  if (data !== undefined) return data;
  throw new AgentError("invalid_input", `--priority takes high, normal or low, not ${JSON.stringify(text)}.`, {
    details: { next: 'ossaat plan "<goal>" --priority high' },
  });
}

/** A scripted model's file is named relative to where the command was typed. */
function absoluteModel(model: string | undefined, context: CommandContext): string | undefined {
  if (model?.startsWith("scripted:") !== true || model === "scripted:") return model;
  return `scripted:${path.resolve(context.folder, model.slice("scripted:".length))}`;
}

/** The model that a flag of this command names. */
export function namedModel(context: CommandContext): string | undefined {
  const { config } = context;
  return config.loaded.flagKeys.has("model") ? absoluteModel(config.model, context) : undefined;
}

/**
 * Holds the plan's model to what this repository allows; the server knows the other rules itself.
 * @throws AgentError policy_denied
 */
export async function requireAllowedModel(
  client: Client,
  context: CommandContext,
  named: string | undefined,
): Promise<void> {
  const { allowedModels, loaded } = context.config;
  if (allowedModels === undefined || named === "none") return;
  const model = named ?? (await client.status()).model;
  if (model === null || isModelAllowed(model, allowedModels)) return;
  const where = loaded.settings.get("models.allowed")?.origin.where ?? "";
  throw new AgentError(
    "policy_denied",
    `The model ${model} is not allowed here: ${allowedModels.join(", ")} (${where}).`,
    {
      details: { next: 'ossaat plan "<goal>" --model none, or an allowed one' },
    },
  );
}

/** The request for a new plan; everything a flag says is checked before a server is started. */
export async function readPlanRequest(
  words: readonly string[],
  flags: PlanFlags,
  context: CommandContext,
): Promise<CreatePlanRequest> {
  const { agents, budget } = context.config;
  const priority = flags.priority === undefined ? {} : { priority: readPriority(flags.priority) };
  const goal = await readGoal(words);
  const repository = await findRepository(context);
  requireOutside(context.config, repository ?? context.folder);
  const model = absoluteModel(context.config.model, context);
  return {
    goal,
    repository: {
      path: repository ?? context.folder,
      ...(flags.base === undefined ? {} : { baseRef: flags.base }),
    },
    ...(model === undefined ? {} : { model }),
    ...(agents === undefined ? {} : { agents: [...agents] }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...priority,
  };
}

/** Creates the plan and waits until it is proposed or its planning failed; Ctrl+C leaves it, twice cancels it. */
export async function propose(client: Client, context: CommandContext, request: CreatePlanRequest): Promise<PlanState> {
  let planId: string | undefined;
  return withInterrupt(
    context,
    async (signal) => {
      planId = (await client.createPlan(request)).id;
      return followPlan(client, context, { planId, until: isProposed, signal });
    },
    cancelOnInterrupt(client, context, () => planId),
  );
}

/** Whether planning is over and, when it went well, the plan's files were written (or could not be). */
export function isProposed(state: PlanState): boolean {
  if (state.status === "draft") return false;
  return state.status !== "awaiting_approval" || state.recordedRevision === state.revision;
}

/** The commands that come next, or why there is no plan. */
export function nextAfterPlan(state: PlanState): string {
  if (state.status === "failed") {
    const why = escapeText(`Planning failed: ${state.message ?? state.reason ?? "unknown"}`);
    return `${why}\nNext    ossaat logs ${state.id}\n        ossaat plan "<goal>"   (again, once it is mended)`;
  }
  const runs =
    state.model === null
      ? `ossaat approve ${state.id} --model provider/model   (no model is configured; the plan itself needed none)`
      : `ossaat approve ${state.id} --watch`;
  const revise = state.model === null ? "" : `, or ossaat revise ${state.id} "what should be different"`;
  const read =
    state.recordProblem === undefined
      ? `${state.repository.path}/.plans/${state.id}/plan.md`
      : `ossaat show ${state.id}   (its files could not be written: ${state.recordProblem})`;
  return [`Read    ${escapeLine(read)}`, `Change  ossaat edit ${state.id}${revise}`, `Run     ${runs}`].join("\n");
}

/** Returns the exit code: 0 when a plan is there to be read. */
export async function planCommand(
  words: readonly string[],
  flags: PlanFlags,
  context: CommandContext,
): Promise<number> {
  const { output, style } = context;
  const request = await readPlanRequest(words, flags, context);
  const { client } = await context.connect({ mustFit: true });
  await requireAllowedModel(client, context, request.model);
  if (flags.detach === true) {
    const created = await client.createPlan(request);
    if (output.format === "text") output.print(created.id);
    else output.json({ schemaVersion: 1, plan: created });
    return exitCodes.done;
  }
  const state = await propose(client, context, request);
  if (output.format === "text") output.print(renderPlanText(state, style));
  else output.json({ schemaVersion: 1, plan: state });
  output.note(`\n${nextAfterPlan(state)}`);
  return exitCodeOfProposal(state);
}
