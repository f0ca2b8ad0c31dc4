// Agent profiles as data: the front matter of agents/<name>/agent.md. Strict: an unknown key
// or word rejects the profile, because a silently ignored permission is a hole.
import { z } from "zod";

import { AgentCapability } from "./capability.ts";

export const ApprovalRule = z.enum(["human_approval", "deny", "auto"]);
export type ApprovalRule = z.infer<typeof ApprovalRule>;

export const AgentFrontMatter = z.strictObject({
  schema_version: z.literal(1).default(1),
  name: z.string().regex(/^[a-z0-9-]{1,64}$/, "lower-case letters, digits and -, at most 64"),
  role: z.string().min(1).max(200).default("Agent"),
  capabilities: z.array(AgentCapability).max(16).default(["repo.read"]),
  approval_policy: z.partialRecord(AgentCapability, ApprovalRule).default({}),
  model: z
    .strictObject({
      provider: z.string().max(64).default("auto"),
      routing: z.enum(["balanced", "high_quality", "low_cost"]).default("balanced"),
      temperature: z.number().min(0).max(2).optional(),
    })
    .default({ provider: "auto", routing: "balanced" }),
  constraints: z.array(z.string().min(1).max(500)).max(32).default([]),
  observability: z
    .strictObject({ tracingTags: z.array(z.string().min(1).max(64)).max(16).default([]) })
    .default({ tracingTags: [] }),
});
export type AgentFrontMatter = z.infer<typeof AgentFrontMatter>;

/** A loaded profile. `instructions` is prompt text: it steers the model and grants nothing. */
export type AgentProfile = AgentFrontMatter & {
  instructions: string;
  source: "built-in" | "user" | "repository";
  /** Path of the file it came from. */
  path: string;
  /** SHA-256 of the file. */
  hash: string;
};
