// What an approval covers: the bounds inside which a step runs without a further question.
import { z } from "zod";

import { parseEgressEntry } from "./egress-entry.ts";
import { SecretName } from "./secret.ts";

/** Spending cap. A missing figure means "no cap of that kind at this level". */
export const Budget = z.looseObject({
  maxTokens: z.int().positive().optional(),
  maxCostUsd: z.number().positive().optional(),
  /** Wall time: of the whole run, or of one attempt of a step. */
  maxMinutes: z.number().positive().optional(),
});
export type Budget = z.infer<typeof Budget>;

/**
 * How often an effect may happen: `pure` any number of times, `idempotent` once per effect
 * key, `once` never silently twice (a lost attempt waits for a person).
 */
export const EffectClass = z.enum(["pure", "idempotent", "once"]);
export type EffectClass = z.infer<typeof EffectClass>;

/**
 * Bounds of one step. Empty lists grant nothing. What is stored is read although an entry of it means
 * nothing today, see {@link findIdleEntries}; new plans are held to entries that mean something.
 */
export const Envelope = z.looseObject({
  /** Tool names the step may call. */
  tools: z.array(z.string().min(1).max(64)).max(64).default([]),
  /** Globs, relative to the repository root with `/`, of files the step may write. */
  paths: z.array(z.string().min(1).max(512)).max(256).default([]),
  /** Command prefixes as argv words joined by one space: `npm test` covers `npm test -- x`. */
  commands: z.array(z.string().min(1).max(512)).max(64).default([]),
  /** Hosts the step may reach, see {@link parseEgressEntry}; an empty list is no network at all. */
  egressHosts: z.array(z.string().min(1).max(512)).max(64).default([]),
  /** Secret names (never values) that may be injected for it. */
  secrets: z.array(z.string().min(1).max(128)).max(32).default([]),
  budget: Budget.default({}),
  effect: EffectClass.default("idempotent"),
});
export type Envelope = z.infer<typeof Envelope>;

/** An entry of an envelope that grants nothing, and why. */
type IdleEntry = { list: "egressHosts" | "secrets"; entry: string; why: string };

/** Entries that cannot be read: earlier versions took `localhost`, addresses and secret names with spaces. */
export function findIdleEntries({ egressHosts, secrets }: Pick<Envelope, "egressHosts" | "secrets">): IdleEntry[] {
  const hosts = egressHosts.flatMap((entry): IdleEntry[] => {
    const parsed = parseEgressEntry(entry);
    return parsed.ok ? [] : [{ list: "egressHosts", entry, why: parsed.why }];
  });
  const names = secrets.filter((entry) => !SecretName.safeParse(entry).success);
  const why = "a secret's name holds letters, digits, dots, - and _ only";
  return [...hosts, ...names.map((entry): IdleEntry => ({ list: "secrets", entry, why }))];
}
