// Watches a plan until it ends or stands still, shows it, and gives every question to whoever
// answers: a person at the terminal, or the rule of `--on-approval`.
import { AgentError, foldPlan, isTerminalPlan } from "@ossaat/contracts";
import type { LiveEvent, PlanEvent, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { isParked } from "../exit-code.ts";
import { serverStopped } from "../server/connect.ts";
import { patientReads } from "./patient-reads.ts";
import type { PlanReads } from "./patient-reads.ts";
import { createProgressView } from "./progress-view.ts";
import { watchQuestion } from "./watch-question.ts";
import { watchQueue } from "./watch-queue.ts";

/** `again`: nothing was decided, look at the plan afresh. */
export type Answered = "answered" | "again" | "leave";

export type FollowOptions = {
  planId: string;
  /**
   * Called when nothing goes on without an answer; `leave` ends the watching. Absent = only watch.
   * @param withdrawn aborts when the answer came from elsewhere
   */
  onParked?(state: PlanState, withdrawn: AbortSignal): Promise<Answered>;
  /** Ends the watching early, the plan's state is returned as it is. */
  until?(state: PlanState): boolean;
  signal: AbortSignal;
  /** Called with every event of the log from its beginning, for machine output. */
  onEvent?(event: PlanEvent | LiveEvent): void;
};

/** Folds what the log holds beyond a state, or all of it. */
async function catchUp(
  client: PlanReads,
  options: FollowOptions,
  { from, show }: { from?: PlanState; show?: (event: PlanEvent, state: PlanState) => void } = {},
): Promise<PlanState> {
  let state = from;
  for (;;) {
    const page = await client.listEvents(options.planId, state?.lastSeq ?? 0);
    for (const event of page) {
      state = foldPlan(state, event);
      options.onEvent?.(event);
      show?.(event, state);
    }
    if (page.length === 0 && state !== undefined) return state;
    if (page.length === 0) return client.getPlan(options.planId);
  }
}

/** Whether the watching is over, or a question has to be answered first. */
function mustStop(state: PlanState, options: FollowOptions): "end" | "ask" | undefined {
  if (isTerminalPlan(state.status) || options.until?.(state) === true) return "end";
  return options.onParked !== undefined && isParked(state) ? "ask" : undefined;
}

/**
 * Returns the last state seen: ended, parked (when `onParked` leaves) or interrupted.
 * @throws AgentError when the server refuses or cannot be started again
 */
export async function followPlan(client: Client, context: CommandContext, options: FollowOptions): Promise<PlanState> {
  const reads = patientReads(client, options.signal);
  let state = options.onEvent === undefined ? await reads.getPlan(options.planId) : await catchUp(reads, options);
  const view = createProgressView(context);
  try {
    for (;;) {
      view.show(state);
      const stop = options.signal.aborted ? "end" : mustStop(state, options);
      if (stop === "end") return state;
      if (stop === "ask") {
        view.hide();
        const answer = await ask(client, options, state);
        // What was decided is in the log already; the stream goes on behind it.
        state = await catchUp(reads, options, { from: state, show: (event, next) => view.event(event, next) });
        if (answer === "leave" && mustStop(state, options) !== undefined) return state;
        continue;
      }
      state = await readOn(client, { state, options, view });
    }
  } catch (error) {
    throw resumable(error, options.planId);
  } finally {
    view.close();
  }
}

/** Puts the question, for as long as nobody else answers it. */
async function ask(client: Client, options: FollowOptions, state: PlanState): Promise<Answered | undefined> {
  const question = watchQuestion(client, state, options.signal);
  try {
    return await options.onParked?.(state, question.withdrawn);
  } finally {
    await question.close();
  }
}

/** Names the command that goes on where the server was stopped on purpose. */
function resumable(thrown: unknown, planId: string): unknown {
  if (!(thrown instanceof AgentError) || thrown.details["reason"] !== serverStopped) return thrown;
  const next = `ossaat watch ${planId}`;
  return new AgentError("unavailable", `The server was stopped; \`${next}\` resumes.`, {
    details: { reason: serverStopped, planId, next },
    cause: thrown,
  });
}

type Reading = { state: PlanState; options: FollowOptions; view: ReturnType<typeof createProgressView> };

/** Reads the stream until something has to be decided here. */
async function readOn(client: Client, { state: start, options, view }: Reading): Promise<PlanState> {
  let state = start;
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, options.signal]);
  const queue = watchQueue(client, (problem) => view.notice(problem));
  try {
    for await (const item of client.watchPlan(options.planId, { afterSeq: state.lastSeq, signal })) {
      if (item.kind === "reconnecting") {
        view.notice(`${item.error.message} Trying again; nothing is lost.`);
        continue;
      }
      queue.heard();
      options.onEvent?.(item.event);
      if (item.kind === "live") {
        view.live(item.event);
        continue;
      }
      state = foldPlan(state, item.event);
      view.event(item.event, state);
      if (mustStop(state, options) !== undefined) return state;
    }
    return state;
  } finally {
    queue.stop();
    controller.abort();
  }
}
