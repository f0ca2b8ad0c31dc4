// The one way in which a server is composed, as one process or as a process of a deployment. Who composes
// it names every part and every rule; what is left out does not compile.
import { AgentError } from "@ossaat/contracts";

import type { Models } from "../provider/models.ts";
import { restrictModels } from "../provider/restrict-models.ts";
import type { ServerRules } from "../server-rules.ts";
import { createModels } from "./models.ts";
import type { ModelsOptions } from "./models.ts";
import { createOrchestrator } from "./orchestrator.ts";
import type { Orchestrator, OrchestratorDeps } from "./orchestrator.ts";

const dayMs = 24 * 60 * 60 * 1_000;

function ruledDeps({ allowedModels: _models, keepDays, ...rules }: ServerRules) {
  return { ...rules, keepTreesMs: keepDays * dayMs };
}

export type RuledDeps = ReturnType<typeof ruledDeps>;

/** Every key, so that one that is left out is seen. */
type Named<T> = { [K in keyof Required<T>]: T[K] };

/** All that is no rule. */
export type ServerParts = Named<Omit<OrchestratorDeps, keyof RuledDeps | "models">> & { models: ModelsOptions };

/** What may be changed before it is put together, for a replay and for tests. */
export type ArrangedParts = Pick<
  OrchestratorDeps,
  "store" | "clock" | "artifacts" | "tools" | "workspaces" | "journal" | "models"
>;

function checkSandbox({ isSandboxRequired }: ServerRules, { sandbox }: ServerParts): void {
  if (sandbox !== "none" || !isSandboxRequired) return;
  throw new AgentError("policy_denied", "The tool runner has no sandbox, and the sandbox is required.", {
    details: {
      next: "`ossaat config explain sandbox.required` says who requires it; in a deployment OSSAAT_RUN_MODE and OSSAAT_SANDBOX_REQUIRED do: `export OSSAAT_RUNNER_SANDBOX=auto` for the tool runner",
    },
  });
}

function modelsOf(rules: ServerRules, options: ModelsOptions): Models {
  return restrictModels(createModels(options), rules);
}

/** @throws AgentError policy_denied when the sandbox is required and there is none */
export function composeServer(
  rules: ServerRules,
  parts: ServerParts,
  arrange: (parts: ArrangedParts) => ArrangedParts = (arranged) => arranged,
): Orchestrator {
  checkSandbox(rules, parts);
  const { store, clock, artifacts, tools, workspaces, journal } = parts;
  const models = modelsOf(rules, parts.models);
  const arranged = arrange({ store, clock, artifacts, tools, workspaces, journal, models });
  return createOrchestrator({ ...parts, ...arranged, ...ruledDeps(rules) });
}
