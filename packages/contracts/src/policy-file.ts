// A policy file: rules that deny or ask, for the admin, a user or a project. There is no rule that
// allows, so a file can only narrow. Strict: an ignored word would be a hole.
import { z } from "zod";

import { AgentCapability } from "./capability.ts";
import { normalizeHost } from "./host-name.ts";
import { toolInputs } from "./tool.ts";
import type { ToolName } from "./tool.ts";

export const policyFileLimits = {
  /** Rules of one file: each is looked at for every call. */
  maxRules: 128,
  /** Bytes of one file. */
  maxBytes: 256 * 1024,
  /** Entries of one list of a rule. */
  maxEntries: 64,
} as const;

const list = <T extends z.ZodType>(entry: T) => z.array(entry).min(1).max(policyFileLimits.maxEntries).optional();
const toolNames = Object.keys(toolInputs) as [ToolName, ...ToolName[]];
const selectors = ["capabilities", "tools", "paths", "commands", "hosts", "maxCostUsd"] as const;

/** The host within a URL, with a port, or in another spelling: the form that would meet something. */
function hostForm(text: string): string | undefined {
  const [, star = "", rest = ""] = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(\*\.)?(.*)$/isu.exec(text) ?? [];
  const url = `http://${rest}`;
  const name = URL.canParse(url) ? normalizeHost(new URL(url).hostname) : undefined;
  return name?.ok === true ? `${star}${name.host}` : undefined;
}

/** A host as calls are compared with it. What no call could ever meet is refused: it would look like a rule. */
const PolicyHost = z
  .string()
  .min(1)
  .max(253)
  .superRefine((text, context) => {
    const form = hostForm(text);
    if (form === text) return;
    const better = form === undefined ? "write a host such as api.example.org or *.example.org" : `write ${form}`;
    context.addIssue({ code: "custom", message: `${JSON.stringify(text)} meets no host: ${better}` });
  });

/** All that a rule names must fit for it to apply; of a list, one entry is enough. */
export const PolicyRule = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, . _ and -, at most 64")
      .optional(),
    effect: z.enum(["deny", "ask"]),
    /** Why, for people and for the agent. */
    reason: z.string().min(1).max(500).optional(),
    capabilities: list(AgentCapability),
    tools: list(z.enum(toolNames)),
    /** Globs of files a call names, relative to the repository root. */
    paths: list(z.string().min(1).max(512)),
    /** Command prefixes as words: `rm -r` meets `rm -r x` and `env rm -r x`. */
    commands: list(z.string().regex(/\S/, "a command prefix needs a word").max(512)),
    /** Hosts, exact or `*.example.org`. */
    hosts: list(PolicyHost),
    /** The rule applies once the plan has cost more than this, or nobody knows how much. */
    maxCostUsd: z.number().nonnegative().optional(),
  })
  .refine((rule) => selectors.some((name) => rule[name] !== undefined), {
    message: `the rule names nothing: give one of ${selectors.join(", ")}`,
  });
export type PolicyRule = z.infer<typeof PolicyRule>;

export const PolicyFile = z.strictObject({
  $schema: z.string().optional(),
  schemaVersion: z.literal(1).default(1),
  rules: z.array(PolicyRule).max(policyFileLimits.maxRules).default([]),
});
export type PolicyFile = z.infer<typeof PolicyFile>;
