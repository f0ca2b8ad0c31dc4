// Holds the models port to the rules of the server: which models may be used at all.
import { AgentError, isModelAllowed } from "@ossaat/contracts";
import type { RunMode } from "@ossaat/contracts";

import type { Models } from "./models.ts";

export type ModelRules = {
  runMode: RunMode;
  /** Patterns; undefined = every model. */
  allowedModels: readonly string[] | undefined;
};

/** Other models are `policy_denied`, whoever names them: a request, a profile or a default. */
export function restrictModels(models: Models, { runMode, allowedModels }: ModelRules): Models {
  return {
    defaultRef: () => models.defaultRef(),
    async resolve(ref) {
      if (runMode === "enterprise" && ref.startsWith("scripted:")) {
        throw new AgentError("policy_denied", "Scripted models are refused in run mode enterprise.", {
          details: {
            next: "`ossaat config explain runMode` says who set it (in a deployment OSSAAT_RUN_MODE); name a model of a provider with --model",
          },
        });
      }
      if (!isModelAllowed(ref, allowedModels)) {
        throw new AgentError("policy_denied", `The model ${ref} is not allowed here: ${allowedModels?.join(", ")}.`, {
          details: {
            next: "name an allowed one with --model; `ossaat config explain models.allowed` says who set it (in a deployment OSSAAT_ALLOWED_MODELS)",
          },
        });
      }
      return models.resolve(ref);
    },
  };
}
