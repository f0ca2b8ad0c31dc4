// Holds the models port to the rules of this installation: which models may be used at all.
import { AgentError } from "@ossaat/contracts";
import type { Models } from "@ossaat/orchestrator";

import { isModelAllowed } from "../settings/model-pattern.ts";

export type ModelRules = { runMode: "consumer" | "enterprise"; allowedModels?: readonly string[] };

/** Other models are `policy_denied`, whoever names them: a request, a profile or a default. */
export function restrictModels(models: Models, { runMode, allowedModels }: ModelRules): Models {
  return {
    defaultRef: () => models.defaultRef(),
    async resolve(ref) {
      if (runMode === "enterprise" && ref.startsWith("scripted:")) {
        throw new AgentError("policy_denied", "Scripted models are refused in run mode enterprise.", {
          details: { next: "`ossaat config explain runMode` says who set it; name a model of a provider with --model" },
        });
      }
      if (!isModelAllowed(ref, allowedModels)) {
        throw new AgentError("policy_denied", `The model ${ref} is not allowed here: ${allowedModels?.join(", ")}.`, {
          details: { next: "name an allowed one with --model; `ossaat config explain models.allowed` says who set it" },
        });
      }
      return models.resolve(ref);
    },
  };
}
