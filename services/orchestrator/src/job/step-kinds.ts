// The kinds of steps that this version can run: while a deployment is brought to another version, workers of
// both take from one queue.
import type { JobEnvelope } from "@ossaat/contracts";

/** The newest version of each kind. */
export type StepKinds = Readonly<Record<string, number>>;

export const stepKinds = { planning: 1, agent: 1, merge: 1, finish: 1 } as const satisfies StepKinds;

/** The newest shape of messages. What is needed to find the step of a message is in every one of them. */
const newestMessage = 1;

export function isKnown({ schemaVersion, kind, kindVersion }: JobEnvelope, kinds: StepKinds = stepKinds): boolean {
  if (schemaVersion > newestMessage) return false;
  const newest = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return newest !== undefined && kindVersion <= newest;
}
