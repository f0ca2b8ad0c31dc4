// The person of a chaos run: hands in goals, puts plans of its own in place of the proposed ones,
// approves what is asked, interferes where the seed says so, and reads every event stream.
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "@ossaat/client";
import type { Client } from "@ossaat/client";
import { AgentError, foldPlan, isTerminalPlan } from "@ossaat/contracts";
import type { ApprovalDecision, ApprovalState, PlanEvent, PlanState, PlanStatus } from "@ossaat/contracts";

import type { StreamCapture } from "../oracle/check-streams.ts";
import { toStep } from "./plan-shape.ts";
import type { PlanShape } from "./plan-shape.ts";

const personLimits = {
  /** Pause between two looks at a plan that nothing is heard of, ms. */
  lookMs: 120,
  /** Pause before a broken stream is opened again, ms. */
  reopenMs: 60,
} as const;

/** Refusals that a person who acts on an older view has to expect, servers that are away, and git that was killed. */
function isExpected(error: unknown): boolean {
  return error instanceof AgentError && ["conflict", "unavailable", "cancelled", "tool_failed"].includes(error.code);
}

type Watched = {
  planId: string;
  shape: PlanShape;
  state: PlanState | undefined;
  events: PlanEvent[];
  /** Deeds that are done, so that each is done once. */
  done: Set<string>;
  /** What is asked of the server at this moment or was last. */
  asked: string;
  /** The last refusal. */
  refused: string;
  changed: PromiseWithResolvers<void>;
};

export type PersonOptions = {
  repository: string;
  model: string;
  address(): { url: string; token: string } | undefined;
  /** Whether what a running plan asks is answered now; absent = at once. */
  isThere?: () => boolean;
};

export class Person {
  readonly #options: PersonOptions;
  readonly #client: Client;
  readonly #watched = new Map<string, Watched>();
  readonly #stop = new AbortController();
  readonly #tasks: Promise<void>[] = [];
  readonly #problems: string[] = [];

  constructor(options: PersonOptions) {
    this.#options = options;
    const address = () => {
      const now = options.address();
      if (now === undefined) throw new AgentError("unavailable", "The server does not run.");
      return now;
    };
    this.#client = createClient({ baseUrl: () => address().url, token: () => address().token });
  }

  /** Hands in a goal, again and again with one key until it is taken, and follows its plan. */
  async submit(shape: PlanShape, idempotencyKey: string): Promise<string> {
    for (;;) {
      const { repository, model } = this.#options;
      try {
        const request = { goal: shape.goal, repository: { path: repository }, model };
        const { id } = await this.#client.createPlan(request, { idempotencyKey });
        this.#follow(id, shape);
        return id;
      } catch (error) {
        if (!isExpected(error) || this.#stop.signal.aborted) throw error;
        await sleep(personLimits.reopenMs);
      }
    }
  }

  /** Whether every plan that is followed has ended. */
  isDone(): boolean {
    const plans = [...this.#watched.values()];
    return plans.length > 0 && plans.every((plan) => this.#isOver(plan));
  }

  /** Whether something that was not expected keeps the person from going on: some plan will never end. */
  hasGivenUp(): boolean {
    return this.#problems.length > 0;
  }

  /** Plans and how they ended. */
  ends(): { id: string; status: PlanStatus }[] {
    return [...this.#watched.values()].flatMap(({ state }) => (state === undefined ? [] : [state]));
  }

  /** What is known of plans, for a run that does not end. */
  describe(): string[] {
    return [...this.#watched.values()].map(({ planId, state, events, asked, refused }) => {
      const steps = state?.steps.map((step) => `${step.id} ${step.status}`).join(", ") ?? "";
      const asks = state?.approvals.filter(({ status }) => status === "pending").length ?? 0;
      const read = `${events.length} events read, ${asks} questions, last asked: ${asked}, last refused: ${refused}`;
      return `${planId} is ${state?.status ?? "unknown"}: ${steps}; ${read}`;
    });
  }

  shapeOf(planId: string): PlanShape | undefined {
    return this.#watched.get(planId)?.shape;
  }

  captures(planId: string): StreamCapture[] {
    const events = this.#watched.get(planId)?.events ?? [];
    return [{ reader: "the person's reader", events }];
  }

  /** Stops; returns what the person met and did not expect. */
  async leave(): Promise<string[]> {
    this.#stop.abort();
    for (const plan of this.#watched.values()) plan.changed.resolve();
    await Promise.all(this.#tasks);
    return this.#problems;
  }

  #isOver({ state, shape, done }: Watched): boolean {
    if (state === undefined || !isTerminalPlan(state.status)) return false;
    const wantsRetry = shape.incident?.deed === "retry" && state.status === "failed" && state.retryOf === undefined;
    return !wantsRetry || done.has("retry");
  }

  #follow(planId: string, shape: PlanShape): void {
    if (this.#watched.has(planId)) return;
    const changed = Promise.withResolvers<void>();
    const plan: Watched = {
      planId,
      shape,
      state: undefined,
      events: [],
      done: new Set(),
      asked: "nothing",
      refused: "never",
      changed,
    };
    this.#watched.set(planId, plan);
    this.#tasks.push(this.#guard(this.#read(plan)), this.#guard(this.#attend(plan)));
  }

  async #guard(work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#problems.push(String(error));
    });
  }

  async #read(plan: Watched): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !(plan.state !== undefined && isTerminalPlan(plan.state.status))) {
      try {
        const afterSeq = plan.events.at(-1)?.seq ?? 0;
        for await (const item of this.#client.watchPlan(plan.planId, { afterSeq, signal })) {
          // NOTE: opened anew by us, because the client's own pauses are made for people.
          if (item.kind === "reconnecting") break;
          if (item.kind === "state") this.#hear(plan, item.event);
        }
      } catch (error) {
        if (!isExpected(error)) throw error;
      }
      await sleep(personLimits.reopenMs);
    }
  }

  #hear(plan: Watched, event: PlanEvent): void {
    plan.events.push(event);
    plan.state = foldPlan(plan.state, event);
    plan.changed.resolve();
    plan.changed = Promise.withResolvers<void>();
  }

  async #attend(plan: Watched): Promise<void> {
    while (!this.#stop.signal.aborted && !this.#isOver(plan)) {
      try {
        await this.#react(plan);
      } catch (error) {
        plan.refused = `${new Date().toISOString()} ${String(error)}`;
        if (!isExpected(error)) throw error;
      }
      await Promise.race([plan.changed.promise, sleep(personLimits.lookMs)]);
    }
  }

  async #react(plan: Watched): Promise<void> {
    const { state, planId } = plan;
    if (state === undefined) return;
    if (await this.#interfere(plan, state)) return;
    const [question] = state.approvals.filter(({ status }) => status === "pending");
    const { isThere } = this.#options;
    if (question !== undefined) return isThere?.() === false ? undefined : this.#answer(plan, question);
    const { planHash } = state;
    if (state.status !== "awaiting_approval" || planHash === undefined) return;
    if (state.plan?.steps.some(({ id }) => String(id) === "draft") === true) return this.#edit(plan, state);
    await this.#ask(plan, "to run", () => this.#client.decidePlan(planId, { decision: "approve", planHash }));
  }

  /** The person's own plan in place of the proposed one. */
  async #edit(watched: Watched, { plan, planHash = "" }: PlanState): Promise<void> {
    if (plan === undefined) return;
    const { planId, shape } = watched;
    await this.#ask(watched, "another plan", () =>
      this.#client.editPlan(planId, { basePlanHash: planHash, plan: { ...plan, steps: shape.steps.map(toStep) } }),
    );
  }

  async #ask(plan: Watched, what: string, ask: () => Promise<unknown>): Promise<void> {
    const since = new Date().toISOString();
    plan.asked = `${what} since ${since}`;
    await ask();
    plan.asked = `${what} at ${since}, taken`;
  }

  async #answer(plan: Watched, { approvalId, requestHash, kind }: ApprovalState): Promise<void> {
    const isDenied = plan.shape.incident?.deed === "deny" && kind !== "reconcile";
    const decision: ApprovalDecision = isDenied
      ? { decision: "deny", requestHash, feedback: "No." }
      : { decision: "approve", requestHash, scope: "once" };
    await this.#ask(plan, `${kind} ${approvalId}`, () => this.#client.decideApproval(approvalId, decision));
  }

  /** Does the deed of the plan's incident when its time has come. Returns whether something was done. */
  async #interfere(plan: Watched, state: PlanState): Promise<boolean> {
    const { shape, planId, done, events } = plan;
    const { incident } = shape;
    // Also when the answer to the pause was lost with its server.
    if (state.status === "paused") return this.#resume(plan);
    if (incident === undefined || done.has(incident.deed) || state.retryOf !== undefined) return false;
    if ((events.at(-1)?.seq ?? 0) < incident.afterSeq) return false;
    switch (incident.deed) {
      case "pause":
        if (state.status !== "running") return false;
        await this.#client.decidePlan(planId, { decision: "pause" });
        break;
      case "cancel":
        if (isTerminalPlan(state.status)) return false;
        await this.#client.decidePlan(planId, { decision: "cancel" });
        break;
      case "reject":
        if (state.status !== "awaiting_approval") return false;
        await this.#client.decidePlan(planId, { decision: "reject" });
        break;
      case "revise":
        if (!["awaiting_approval", "running"].includes(state.status)) return false;
        await this.#client.decidePlan(planId, { decision: "revise", feedback: "Otherwise." });
        break;
      case "edit":
        return this.#editOnce(plan, state);
      case "retry":
        if (state.status !== "failed") return false;
        await this.#retry(plan);
        break;
      case "deny":
        return false;
    }
    done.add(incident.deed);
    return true;
  }

  /** A paused plan goes on after a while, whatever became of the answer to the pause. */
  async #resume({ planId }: Watched): Promise<boolean> {
    await sleep(personLimits.lookMs);
    await this.#client.decidePlan(planId, { decision: "resume" });
    return true;
  }

  /** Changes the text of a step that has not started. */
  async #editOnce(plan: Watched, state: PlanState): Promise<boolean> {
    const { planId, done } = plan;
    const open = state.steps.find(({ status }) => status === "blocked");
    if (state.plan === undefined || open === undefined || state.status !== "running") return false;
    const steps = state.plan.steps.map((step) =>
      String(step.id) === open.id ? { ...step, rationale: "Another reason." } : step,
    );
    done.add("edit");
    await this.#client.editPlan(planId, { basePlanHash: state.planHash ?? "", plan: { ...state.plan, steps } });
    return true;
  }

  /** Asking is not repeatable, so that an answer that was lost is looked for among all plans. */
  async #retry({ planId, shape, done }: Watched): Promise<void> {
    const known = await this.#client.listPlans({ repository: this.#options.repository });
    const unknown = known.plans.find((found) => found.goal === shape.goal && found.id !== planId);
    const id = unknown?.id ?? (await this.#client.retryPlan(planId, {})).id;
    this.#follow(id, shape);
    done.add("retry");
  }
}
