// Which model an agent is asked with: the plan's, unless its profile names another vendor or,
// where nobody named a model, another class of quality.
import { AgentError } from "@ossaat/contracts";
import type { AgentProfile } from "@ossaat/contracts";

import { defaultModels } from "./pick-model.ts";

type Routing = AgentProfile["model"]["routing"];

/** Models by vendor and class; `balanced` is the vendor's default. */
export const routedModels: Readonly<Record<keyof typeof defaultModels, Readonly<Record<Routing, string>>>> = {
  anthropic: {
    high_quality: "anthropic/claude-opus-5",
    balanced: defaultModels.anthropic,
    low_cost: "anthropic/claude-haiku-4-5",
  },
  openai: { high_quality: defaultModels.openai, balanced: defaultModels.openai, low_cost: "openai/gpt-5.6-luna" },
};

function isVendor(name: string): name is keyof typeof routedModels {
  return Object.hasOwn(routedModels, name);
}

/** @throws AgentError invalid_input when the profile names a vendor that is not known */
export function checkVendor(profile: Pick<AgentProfile, "name" | "model">): void {
  const { provider } = profile.model;
  if (provider === "auto" || isVendor(provider)) return;
  const known = Object.keys(routedModels).join(", ");
  throw new AgentError("invalid_input", `Agent ${profile.name} names the provider "${provider}".`, {
    details: { next: `write one of auto, ${known} in its profile, then \`ossaat agents\`` },
  });
}

/**
 * Name of the model for one agent of a plan.
 * @param plan its model, and whether a person named it: then it is taken as it is
 * @throws AgentError invalid_input for an unknown vendor
 */
export function routeModel(
  profile: Pick<AgentProfile, "name" | "model">,
  plan: { model: string; isPinned: boolean },
): string {
  if (plan.model.startsWith("scripted:")) return plan.model;
  checkVendor(profile);
  const planVendor = plan.model.split("/")[0] ?? "";
  const { provider, routing } = profile.model;
  const vendor = provider === "auto" ? planVendor : provider;
  if (!isVendor(vendor) || (vendor === planVendor && plan.isPinned)) return plan.model;
  return routedModels[vendor][routing];
}
