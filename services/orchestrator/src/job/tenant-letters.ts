// Dead letters as a tenant may see them, and what a person decides about one.
import { AgentError, countOf, isTerminalPlan } from "@ossaat/contracts";
import type { Actor, DeadLetterDecision, DeadLetterSummary, DeadLettersDecisionResponse } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import { changePlan } from "./engine.ts";
import type { Engine } from "./engine.ts";
import type { DeadLetter, JobQueue } from "./job-queue.ts";
import { headOf } from "./letter-head.ts";
import type { LetterHead } from "./letter-head.ts";
import { jobEngineLimits } from "./limits.ts";

export type LettersDeps = {
  engine: Engine;
  queue: JobQueue;
  pools: readonly string[];
};

/** A letter with what its message says, as far as it can be read. */
export type TenantLetter = DeadLetterSummary & { message: string };

/** Absent = all. */
export type LetterFilter = { planId?: string | undefined; reason?: string | undefined };

/** The letters that fit, oldest first; `hasMore` when there are others behind them. */
export type TenantLetters = { letters: TenantLetter[]; hasMore: boolean };

function summaryOf({ id, reason, planId, stepId, attempt }: LetterHead, pool: string): DeadLetterSummary {
  const letter = { id, pool, reason };
  return planId === undefined || stepId === undefined || attempt === undefined
    ? letter
    : { ...letter, planId, stepId, attempt };
}

function openLetter(letter: DeadLetter, pool: string): TenantLetter {
  return { ...summaryOf(headOf(letter), pool), message: letter.message };
}

/** `reason`: words in it, however they are written. */
function fits({ planId, reason }: LetterFilter, head: LetterHead): boolean {
  if (planId !== undefined && head.planId !== planId) return false;
  return reason === undefined || head.reason.toLowerCase().includes(reason.toLowerCase());
}

/** How much is left of the time of a request that begins now, ms. */
function startTime({ clock }: Engine): () => number {
  const until = clock.monotonic() + jobEngineLimits.lettersMs;
  return () => Math.max(0, until - clock.monotonic());
}

type Listing = { limit?: number | undefined; isWanted: (head: LetterHead) => boolean };

async function look({ engine, queue, pools }: LettersDeps, tenantId: string, { limit, isWanted }: Listing) {
  const found: TenantLetters = { letters: [], hasMore: false };
  const leftMs = startTime(engine);
  for (const pool of pools) {
    const room = (limit ?? jobEngineLimits.shownDeadLetters) - found.letters.length;
    const { letters, isCut } = await queue.deadLetters.list(pool, room, { tenantId, withinMs: leftMs(), isWanted });
    found.letters.push(...letters.map((each) => openLetter(each, pool)));
    found.hasMore ||= isCut;
  }
  return found;
}

/** The tenant's letters of all pools, oldest first. @throws AgentError unavailable */
export function listLetters(
  deps: LettersDeps,
  tenantId: string,
  { limit, ...filter }: LetterFilter & { limit?: number | undefined } = {},
): Promise<TenantLetters> {
  return look(deps, tenantId, { limit, isWanted: (head) => fits(filter, head) });
}

/** @param isAll whether all letters were looked through */
function letterNotFound(text: string, isAll: boolean): AgentError {
  const name = JSON.stringify(text);
  return isAll
    ? new AgentError("not_found", `There is no dead letter ${name}.`, {
        details: { next: "`ossaat dlq list` lists them" },
      })
    : new AgentError("limit_exceeded", `There are more dead letters than are looked through for ${name}.`, {
        details: { next: "`ossaat dlq list` shows the oldest; decide about these first" },
      });
}

/**
 * The one whose id it is, else the one whose id begins so.
 * @param isAll whether there are no others
 * @throws AgentError not_found, invalid_input; limit_exceeded when it may be among the others
 */
function findLetter<T extends { id: string }>(letters: readonly T[], text: string, isAll: boolean): T {
  const fitting = letters.filter(({ id }) => id.startsWith(text));
  const found = letters.find(({ id }) => id === text) ?? fitting[0];
  if (found === undefined) throw letterNotFound(text, isAll);
  if (found.id === text || fitting.length === 1) return found;
  const message = `${JSON.stringify(text)} begins the ids of ${countOf(fitting.length, "dead letter")}.`;
  throw new AgentError("invalid_input", message, { details: { next: "`ossaat dlq list` lists them" } });
}

/**
 * By its id or the beginning of it.
 * @throws AgentError not_found for one that is gone, or another tenant's; invalid_input when more than one fits;
 * limit_exceeded
 */
export async function requireLetter(deps: LettersDeps, tenantId: string, text: string): Promise<TenantLetter> {
  const { letters, hasMore } = await look(deps, tenantId, { isWanted: ({ id }) => id.startsWith(text) });
  return findLetter(letters, text, !hasMore);
}

type Decided = {
  tenantId: string;
  actor: Actor;
  decision: DeadLetterDecision["decision"];
  /** Ids or beginnings of ids, or all that fit; `asOf`: and had died by then. */
  which: { ids: readonly string[] } | { all: LetterFilter & { asOf?: string | undefined } };
};

type PlanOf = { planId: string; letters: DeadLetterSummary[] };

function byPlan(letters: readonly DeadLetterSummary[]): PlanOf[] {
  const plans = new Map<string, PlanOf>();
  for (const letter of letters) {
    const { planId, stepId } = letter;
    if (planId === undefined || stepId === undefined) continue;
    const plan = plans.get(planId) ?? { planId, letters: [] };
    plan.letters.push(letter);
    plans.set(planId, plan);
  }
  return [...plans.values()];
}

/** In the log of the plan they are about, unless that has ended: nothing follows the end of a log. */
async function recordDecision(engine: Engine, { planId, letters }: PlanOf, { actor, decision }: Decided) {
  const type = decision === "requeue" ? "message.requeued" : "message.dropped";
  try {
    await changePlan(engine, { planId, actor }, async (change) => {
      if (isTerminalPlan(change.plan.status)) return;
      for (const { id: letterId, pool, reason, stepId = "" } of letters) {
        await change.append({ type, stepId, data: { letterId, pool, reason } });
      }
    });
  } catch (error) {
    // A message may outlive its plan.
    if (error instanceof AgentError && error.code === "not_found") return;
    // Whoever asked must still be told what ended.
    engine.log.error({ planId, actor, decision, error }, "the plan's log does not tell of its dead letters");
  }
}

/** `newer`: those that fit and died too late. */
type Choice = { chosen: LetterHead[]; hasMore: boolean; newer: number };

const nothing: Choice = { chosen: [], hasMore: false, newer: 0 };

/** NOTE: one that tells no time is from before there was one. */
const hadDied = ({ diedAt = 0 }: LetterHead, asOf: string | undefined) =>
  asOf === undefined || diedAt <= Date.parse(asOf);

function choose(heads: readonly LetterHead[], isAll: boolean, which: Decided["which"]): Choice {
  if ("ids" in which) {
    const chosen = new Set(which.ids.map((text) => findLetter(heads, text, isAll)));
    return { ...nothing, chosen: [...chosen] };
  }
  const { decidedDeadLetters: most } = jobEngineLimits;
  const fitting = heads.filter((head) => fits(which.all, head));
  const there = fitting.filter((head) => hadDied(head, which.all.asOf));
  return {
    chosen: there.slice(0, most),
    hasMore: !isAll || there.length > most,
    newer: fitting.length - there.length,
  };
}

type Round = {
  decided: Decided;
  /** Time in which others may end, ms. */
  leftMs: () => number;
  /** Those that have ended. */
  letters: DeadLetterSummary[];
  hasMore: boolean;
  newer: number;
};

/** Says in the logs of server and plans who decided. */
async function record({ engine }: LettersDeps, letters: readonly DeadLetterSummary[], decided: Decided) {
  const { tenantId, actor, decision } = decided;
  for (const { id: letterId, pool, reason, planId, stepId } of letters) {
    const fields = { letterId, pool, reason, planId, stepId, tenantId, actor, decision };
    engine.log.info(fields, "a person decided about a dead letter");
  }
  for (const plan of byPlan(letters)) await recordDecision(engine, plan, decided);
}

/** In one look. */
async function endLetters(deps: LettersDeps, pool: string, round: Round): Promise<void> {
  const { decided, leftMs, letters } = round;
  const { tenantId, decision, which } = decided;
  const before = letters.length;
  let choice = nothing;
  const choosing = (heads: readonly LetterHead[], isAll: boolean) => {
    choice = choose(heads, isAll, which);
    return choice.chosen.map(({ id }) => id);
  };
  const goOn = async (ids: readonly string[]) => {
    const ended = new Set(ids);
    const gone = choice.chosen.filter(({ id }) => ended.has(id)).map((head) => summaryOf(head, pool));
    letters.push(...gone);
    await record(deps, gone, decided);
    return leftMs() > 0;
  };
  await deps.queue.deadLetters.end(pool, { tenantId, withinMs: leftMs(), choose: choosing, goOn }, decision);
  round.hasMore ||= choice.hasMore || letters.length - before < choice.chosen.length;
  round.newer += choice.newer;
}

/** Pool after pool, as long as there is time. @throws AgentError none ended */
async function endInPools(deps: LettersDeps, round: Round): Promise<void> {
  for (const pool of deps.pools) {
    if (round.letters.length > 0 && round.leftMs() === 0) {
      round.hasMore = true;
      return;
    }
    try {
      await endLetters(deps, pool, round);
    } catch (error) {
      // What has ended must be told; whoever asks for the rest is told of the error.
      if (round.letters.length === 0) throw error;
      deps.engine.log.error({ pool, error }, "some dead letters could not be ended");
      round.hasMore = true;
      return;
    }
  }
}

/**
 * Gives letters back or forgets them, and says in the logs of server and plans who did. Where one that was
 * named is not there, none ends.
 * @returns those that ended; `hasMore` when others fit, or were left; `asOf` to go on with those of now, where all
 * were asked for
 * @throws AgentError not_found, invalid_input, limit_exceeded, unavailable; none ended
 */
export async function decideLetters(
  deps: LettersDeps,
  decided: Decided,
): Promise<Pick<DeadLettersDecisionResponse, "letters" | "hasMore" | "asOf" | "newer">> {
  const { engine } = deps;
  const round: Round = { decided, leftMs: startTime(engine), letters: [], hasMore: false, newer: 0 };
  const now = toTimestamp(engine.clock.now());
  await endInPools(deps, round);
  const { letters, hasMore, newer } = round;
  if ("ids" in decided.which) return { letters, hasMore };
  const { asOf } = decided.which.all;
  return asOf === undefined ? { letters, hasMore, asOf: now } : { letters, hasMore, asOf, newer };
}
