// What a planner has to decide; the normaliser turns it into a full plan (merge, test and audit
// steps, envelopes, hashes). Strict, so that a planner's mistakes are named and mended.
import { EgressEntry, Risk } from "@ossaat/contracts";
import { z } from "zod";

const RelativePath = z.string().min(1).max(512);

export const DraftStep = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, "lower-case letters, digits and -"),
  title: z.string().min(1).max(200).describe("Imperative, specific: what changes where"),
  action: z.literal("apply_changes").default("apply_changes"),
  agent: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .default("code-writer"),
  needs: z
    .array(z.string())
    .max(16)
    .default([])
    .describe("Ids of steps whose result this one starts from; empty when independent"),
  files: z.array(RelativePath).max(64).default([]).describe("Files it expects to change or create"),
  paths: z.array(RelativePath).max(32).default([]).describe("Further globs it may write, as narrow as possible"),
  commands: z
    .array(z.string().min(1).max(512))
    .max(16)
    .default([])
    .describe("Command prefixes it must run besides the tests"),
  hosts: z
    .array(EgressEntry)
    .max(16)
    .default([])
    .describe("Hosts its commands must reach, as narrow as possible: packages.example.com or GET https://host/path/*"),
  summary: z.string().min(1).max(2_000).describe("What to do, precisely enough for another engineer"),
  rationale: z.string().max(4_000).default("").describe("Why, naming the files and symbols it is based on"),
  risk: Risk.default("low"),
});
export type DraftStep = z.infer<typeof DraftStep>;

export const PlanDraft = z.strictObject({
  summary: z.string().min(1).max(4_000),
  assumptions: z.array(z.string().max(1_000)).max(16).default([]),
  risks: z.array(z.string().max(1_000)).max(16).default([]),
  successCriteria: z.array(z.string().min(1).max(1_000)).min(1).max(16).describe("Sentences that can be checked"),
  steps: z
    .array(DraftStep)
    .min(1)
    .max(24)
    .describe("Writing steps; merge, test and audit steps are added by the platform"),
  testCommand: z.array(z.string().min(1)).max(32).optional().describe("argv that runs the project's tests, when known"),
});
export type PlanDraft = z.infer<typeof PlanDraft>;
