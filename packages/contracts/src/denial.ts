// What was refused to a call, by whom: the fact behind `audit.denied`. Only what the platform saw
// itself is a denial. What the kernel refuses inside a box is known to the box alone; there the
// record of the call, with how it ended, is the fact.
import { z } from "zod";

/**
 * Who refused. `policy`: the decision before the call. `grant`: the runner found the call to be another
 * than the one that was allowed. `envelope`: the runner's own check of what the call asks. `files`: the
 * runner's file access. `changes`: what a command changed outside of the approved paths was undone.
 * `git`: repositories planted in the working tree were removed. `limit`: a bound of the box ended or
 * held the run. Requests to the network have an event of their own, `egress.decided`.
 */
export const DenialLayer = z.enum(["policy", "grant", "envelope", "files", "changes", "git", "limit"]);
export type DenialLayer = z.infer<typeof DenialLayer>;

export const denialLimits = {
  /** Denials one call reports by themselves; the last says how many more there were. */
  maxPerCall: 50,
  /** Characters of one text: a path may hold 4,096, a reader needs to know which. */
  maxWhatChars: 500,
} as const;

export const Denial = z.looseObject({
  layer: DenialLayer,
  /** The rule in one word, such as `grant_mismatch`, `link`, `memory`. */
  rule: z.string(),
  /** For people: untrusted text, to be escaped where it is shown. */
  what: z.string(),
});
export type Denial = { layer: DenialLayer; rule: string; what: string };

/** A list within its limits. */
export function boundDenials(denials: readonly Denial[]): Denial[] {
  const { maxPerCall, maxWhatChars } = denialLimits;
  const shown = denials.slice(0, denials.length > maxPerCall ? maxPerCall - 1 : maxPerCall);
  const last = denials.at(-1);
  const rest = denials.length - shown.length;
  const bounded = shown.map(({ layer, rule, what }) => ({ layer, rule, what: what.slice(0, maxWhatChars) }));
  if (last === undefined || rest === 0) return bounded;
  return [...bounded, { layer: last.layer, rule: "more", what: `and ${rest} more` }];
}
