// What the administrator lays down for every plan of a server, and the variables in which an orchestrator
// of its own reads it: by the names that the embedded server's settings have.
import { AgentError, isProtectedAddress, systemPolicyFile } from "@ossaat/contracts";
import type { Budget, RunMode } from "@ossaat/contracts";
import { z } from "zod";

import type { DispatchRules } from "./job/dispatch-rules.ts";
import type { PolicyFiles } from "./policy/policies.ts";

/** Every field is named by whoever composes a server; undefined says that nothing is laid down. */
export type ServerRules = {
  runMode: RunMode;
  /** Patterns of models that may be used; undefined = all. */
  allowedModels: readonly string[] | undefined;
  isSandboxRequired: boolean;
  budgetCaps: Budget | undefined;
  /** Unfinished steps that one tenant may have; undefined = the default. */
  maxOpenSteps: number | undefined;
  dispatch: DispatchRules;
  /** Steps that one process runs at once; undefined = the default. */
  slots: number | undefined;
  /** Days that the working trees of plans stay that ended without success. */
  keepDays: number;
  policyFiles: PolicyFiles;
  /** Folder of agents besides the built-in ones. */
  userAgentsDir: string | undefined;
};

const text = z.string().min(1).optional();

/** A number as text; what is not one, or not in bounds, is told in the same words. */
function number(fits: (value: number) => boolean, error: string) {
  return z
    .string()
    .refine((value) => value.trim() !== "" && fits(Number(value)), { error })
    .transform(Number);
}

export const wholeNumber = (min: number, max: number) =>
  number(
    (value) => Number.isSafeInteger(value) && value >= min && value <= max,
    `must be a whole number from ${min} to ${max}`,
  );

const positiveNumber = number((value) => Number.isFinite(value) && value > 0, "must be a number above 0");

export const RuleSettings = z.object({
  OSSAAT_RUN_MODE: z.enum(["consumer", "enterprise"], "must be consumer or enterprise").default("enterprise"),
  /** Models that may be used, names with `*` for any part, by comma; absent = all. */
  OSSAAT_ALLOWED_MODELS: z
    .string()
    .transform((value) => value.split(",").map((part) => part.trim()))
    .refine((models) => models.every((model) => /^[^\s\p{C},]{1,256}$/u.test(model)), {
      error: "must be model names with * for any part, by comma",
    })
    .optional(),
  /** Nothing runs on a tool runner without a sandbox; run mode enterprise demands it whatever this says. */
  OSSAAT_SANDBOX_REQUIRED: z.enum(["true", "false", "1", "0"], "must be true or false").default("false"),
  /** Caps of every plan, whoever asks for more; absent = none. */
  OSSAAT_MAX_COST_USD: positiveNumber.optional(),
  OSSAAT_MAX_TOKENS: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  OSSAAT_MAX_MINUTES: positiveNumber.optional(),
  /** Unfinished steps that a tenant may have before new plans are refused. */
  OSSAAT_MAX_OPEN_STEPS: wholeNumber(1, 10_000_000).optional(),
  /** Steps this process runs at once. */
  OSSAAT_SLOTS: wholeNumber(1, 256).optional(),
  /** Steps that may run at once in the whole deployment; absent = any number. The same for all processes. */
  OSSAAT_MAX_RUNNING_PER_TENANT: wholeNumber(1, 1_000_000).optional(),
  OSSAAT_MAX_RUNNING_PER_REPOSITORY: wholeNumber(1, 1_000_000).optional(),
  OSSAAT_MAX_RUNNING_PER_PLAN: wholeNumber(1, 1_000_000).optional(),
  /** Shares of tenants in what is handed out: `name=3,other=2`; a tenant that is not named has 1. */
  OSSAAT_TENANT_WEIGHTS: z
    .string()
    .regex(
      /^[^=,\s]{1,64}=([1-9]\d?|100)(,[^=,\s]{1,64}=([1-9]\d?|100))*$/u,
      "must be tenant=weight, by comma; weights from 1 to 100",
    )
    .optional(),
  /** Days that working trees of plans stay that failed or were cancelled. */
  OSSAAT_KEEP_DAYS: wholeNumber(1, 36_500).default(14),
  /** Policy file of the administrator beside the machine's; named and missing = nothing is allowed. */
  OSSAAT_ADMIN_POLICY: text,
  /** Folder of agents besides the built-in ones. */
  OSSAAT_AGENTS_DIR: text,
});

type Values = z.output<typeof RuleSettings>;

function dispatchOf(values: Values): DispatchRules {
  const pairs = values.OSSAAT_TENANT_WEIGHTS?.split(",").map((pair) => pair.split("=")) ?? [];
  return {
    weights: Object.fromEntries(pairs.map(([tenant = "", weight]) => [tenant, Number(weight)])),
    caps: {
      tenant: values.OSSAAT_MAX_RUNNING_PER_TENANT,
      repository: values.OSSAAT_MAX_RUNNING_PER_REPOSITORY,
      plan: values.OSSAAT_MAX_RUNNING_PER_PLAN,
    },
  };
}

function capsOf(values: Values): Budget | undefined {
  const { OSSAAT_MAX_COST_USD: maxCostUsd, OSSAAT_MAX_TOKENS: maxTokens, OSSAAT_MAX_MINUTES: maxMinutes } = values;
  const caps = {
    ...(maxCostUsd === undefined ? {} : { maxCostUsd }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(maxMinutes === undefined ? {} : { maxMinutes }),
  };
  return Object.keys(caps).length === 0 ? undefined : caps;
}

export function toServerRules(values: Values): ServerRules {
  const { OSSAAT_RUN_MODE: runMode, OSSAAT_SANDBOX_REQUIRED: required, OSSAAT_ADMIN_POLICY: policy } = values;
  const named = policy === undefined ? [] : [{ path: policy, mustExist: true }];
  return {
    runMode,
    allowedModels: values.OSSAAT_ALLOWED_MODELS,
    isSandboxRequired: runMode === "enterprise" || ["true", "1"].includes(required),
    budgetCaps: capsOf(values),
    maxOpenSteps: values.OSSAAT_MAX_OPEN_STEPS,
    dispatch: dispatchOf(values),
    slots: values.OSSAAT_SLOTS,
    keepDays: values.OSSAAT_KEEP_DAYS,
    policyFiles: { admin: [{ path: systemPolicyFile, mustExist: false }, ...named] },
    userAgentsDir: values.OSSAAT_AGENTS_DIR,
  };
}

/** How an address is written that is encrypted. */
const encryptedForms = {
  OSSAAT_STORE: "postgres://…?sslmode=verify-full",
  OSSAAT_QUEUE: "amqps://… or kafkas://…",
} as const;

/**
 * Run mode enterprise demands encrypted addresses beyond this machine. No address is repeated.
 * @throws AgentError policy_denied
 */
export function checkAddresses(
  { runMode }: ServerRules,
  addresses: Readonly<Record<keyof typeof encryptedForms, string | undefined>>,
  sslMode: string | undefined,
): void {
  if (runMode !== "enterprise") return;
  for (const name of ["OSSAAT_STORE", "OSSAAT_QUEUE"] as const) {
    const address = addresses[name];
    if (address === undefined || isProtectedAddress(address, sslMode)) continue;
    const form = encryptedForms[name];
    throw new AgentError("policy_denied", `${name} must be encrypted in run mode enterprise: ${form}`, {
      details: { next: `set ${name} to ${form}, or \`export OSSAAT_RUN_MODE=consumer\`` },
    });
  }
}

/** Run mode enterprise demands encrypted addresses beyond this machine. @throws AgentError policy_denied */
export function checkCollector({ runMode }: ServerRules, tracesUrl: string | undefined): void {
  if (runMode !== "enterprise" || tracesUrl === undefined) return;
  if (isProtectedAddress(tracesUrl)) return;
  const { protocol } = new URL(tracesUrl);
  throw new AgentError(
    "policy_denied",
    `The collector of traces must use https in run mode enterprise, not ${protocol}`,
    {
      details: { next: "`export OTEL_EXPORTER_OTLP_ENDPOINT=https://…`, or `export OSSAAT_RUN_MODE=consumer`" },
    },
  );
}
