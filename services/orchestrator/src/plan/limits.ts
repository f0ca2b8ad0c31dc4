import type { Budget } from "@ossaat/contracts";

/** Cap of a run when nobody named one: no run is without a limit. */
export const defaultBudget: Budget = { maxTokens: 2_000_000, maxCostUsd: 5, maxMinutes: 120 };

export const planFeatureLimits = {
  /** How long an idempotency key is remembered, ms. */
  idempotencyMs: 24 * 60 * 60 * 1000,
  /** Answers that are forgotten in one transaction: it must hold up no command. */
  forgottenAnswers: 500,
  /** Time between two looks for answers to forget, ms: they only take room. */
  forgetPauseMs: 60_000,
  /** Files and globs a step may write before its size alone makes it medium risk: a reviewer loses count. */
  manyPaths: 20,
  /** Unfinished steps a tenant may have when no setting says otherwise: more than people look after. */
  maxOpenSteps: 10_000,
  /** When a tenant with too many of them should ask again, s. */
  openStepsRetrySeconds: 30,
  /** Plans of one page. */
  pageSize: 50,
  /** Definitions kept in memory: as many as plans run at once on a busy day. */
  keptDefinitions: 50,
} as const;
