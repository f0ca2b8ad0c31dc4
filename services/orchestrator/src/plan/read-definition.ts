// The definition of a plan from its row. Every end of a step needs it, so what was read lately is kept:
// by its whole text, so that a definition which changed in the store is never taken for the one before.
import { hashStep } from "@ossaat/contracts";
import type { SealedPlan, Sha256, Step } from "@ossaat/contracts";

import { planFeatureLimits } from "./limits.ts";

/** A definition that several readers share: none may change it. */
export type Definition = {
  steps: ReadonlyMap<string, Readonly<Step>>;
  /** Recomputed from the step, not the hash that was stored with it. */
  hashOf: (step: Readonly<Step>) => Sha256;
};

const kept = new Map<string, Definition>();

function parseDefinition(text: string): Definition {
  const { steps } = JSON.parse(text) as SealedPlan;
  const hashes = new Map<Readonly<Step>, Sha256>();
  return {
    steps: new Map(steps.map((step) => [step.id, step])),
    hashOf(step) {
      const hash = hashes.get(step) ?? hashStep(step);
      hashes.set(step, hash);
      return hash;
    },
  };
}

/** Reads the `def_json` of a plan. @throws SyntaxError when it is no JSON */
export function readDefinition(text: string): Definition {
  const definition = kept.get(text) ?? parseDefinition(text);
  kept.delete(text);
  kept.set(text, definition);
  if (kept.size > planFeatureLimits.keptDefinitions) kept.delete(kept.keys().next().value ?? "");
  return definition;
}
