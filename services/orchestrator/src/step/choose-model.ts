// The model one agent of a plan is asked with.
import type { AgentProfile, EventData } from "@ossaat/contracts";
import { routeModel } from "@ossaat/providers";

import type { Claim } from "../job/engine.ts";
import type { Models, ResolvedModel } from "../provider/models.ts";

/**
 * The plan's model, or what the profile routes to where nobody named one. `planModel` is not null.
 * @throws AgentError invalid_input (unknown vendor, missing key)
 */
export function chooseModel(
  models: Models,
  claim: Claim,
  { profile, planModel }: { profile: AgentProfile; planModel: string },
): Promise<ResolvedModel> {
  const options = JSON.parse(claim.plan.options_json) as EventData<"plan.created">;
  const isPinned = options.modelPinned === true || options.model !== planModel;
  return models.resolve(routeModel(profile, { model: planModel, isPinned }));
}
