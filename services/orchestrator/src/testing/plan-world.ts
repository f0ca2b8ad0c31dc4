// A small world around one plan in which anything may happen: messages get lost or repeated,
// workers die and come back as zombies, people change their minds, time passes.
import { AgentError, PlanId, hashStep, isTerminalPlan, sealPlan } from "@ossaat/contracts";
import type { ApprovalDecision, Plan, PlanDecision, SealedPlan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";

import { decideApproval } from "../approval/decide-approval.ts";
import { parkForCall } from "../approval/request-approval.ts";
import { reserve } from "../job/budget.ts";
import { changeClaimed, claimStep, isClaim, heartbeat } from "../job/claim-step.ts";
import { completeStep, failStep, releaseStep } from "../job/end-step.ts";
import { LeaseLost } from "../job/engine.ts";
import type { Claim } from "../job/engine.ts";
import { reemitReady, sweepCancelled, sweepLeases, sweepTimers } from "../job/sweep.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { editPlan } from "../plan/edit-plan.ts";
import { finishedSteps, proposePlan } from "../plan/propose-plan.ts";
import { retryPlan } from "../plan/retry-plan.ts";
import { listSteps } from "../step/step-rows.ts";
import type { PlanRow } from "../store/tables.ts";
import { dropMessage, endByLastStep, messagesOf } from "./take-step.ts";
import { noModels, storeProposal, user } from "./test-engine.ts";
import type { TestEngine } from "./test-engine.ts";

/** What chance decides: a number below `n`. */
export type Chance = (n: number) => number;

export type WorldShape = {
  steps: { needs: readonly number[]; approvalRequired: boolean; once: boolean }[];
};

const hour = 3_600_000;

function planOf(planId: string, shape: WorldShape): SealedPlan {
  const steps = shape.steps.map(({ needs, approvalRequired, once }, index) =>
    testStep(`s${index}`, {
      // NOTE: reading steps, so that any graph is a sound plan without merges.
      action: "audit",
      needs: needs.map((need) => `s${need}`),
      approvalRequired,
      envelope: { effect: once ? "once" : "idempotent" },
    }),
  );
  return testPlan(steps, { id: PlanId.parse(planId), budget: { maxTokens: 1_000_000, maxMinutes: 600 } });
}

/** A refusal that a careful caller expects: the world moved on meanwhile. */
function isExpected(error: unknown): boolean {
  return error instanceof LeaseLost || (error instanceof AgentError && ["conflict", "cancelled"].includes(error.code));
}

/** What can happen in the world. */
export const deeds = [
  "submit",
  "approve",
  "grant",
  "deny",
  "pause",
  "resume",
  "cancel",
  "revise",
  "edit",
  "retry",
  "deliver",
  "deliver and keep",
  "lose messages",
  "work",
  "crash",
  "pass time",
  "jump ahead",
  "jump back",
  "wait a day",
] as const;
export type Deed = (typeof deeds)[number];

export class PlanWorld {
  readonly #engine: TestEngine;
  readonly #shape: WorldShape;
  #chance: Chance = () => 0;
  /** Every plan of this world; the last one is what things happen to. */
  readonly planIds: string[] = [];
  /** Every claim ever made and not knowingly given up: zombies included. */
  #claims: Claim[] = [];

  constructor(engine: TestEngine, shape: WorldShape) {
    this.#engine = engine;
    this.#shape = shape;
  }

  static async create(engine: TestEngine, shape: WorldShape): Promise<PlanWorld> {
    const world = new PlanWorld(engine, shape);
    await world.#submit();
    return world;
  }

  /** @throws Error before the first plan */
  get planId(): string {
    const last = this.planIds.at(-1);
    if (last === undefined) throw new Error("there is no plan yet");
    return last;
  }

  /** Another plan of the same shape, when the one before has ended: there is one at a time. */
  async #submit(): Promise<void> {
    if (this.planIds.length > 0 && !(await this.hasEnded())) return;
    const planId = `plan-${this.#engine.ids.uuid()}`;
    await storeProposal(this.#engine, planOf(planId, this.#shape));
    this.planIds.push(planId);
    this.#claims = [];
  }

  async #retry(): Promise<void> {
    if (!(await this.hasEnded())) return;
    const { planId } = await retryPlan(this.#engine, { old: await this.plan(), request: {}, actor: user });
    this.planIds.push(planId);
  }

  async plan(): Promise<PlanRow> {
    const query = this.#engine.store.read.selectFrom("plan").selectAll().where("id", "=", this.planId);
    return query.executeTakeFirstOrThrow();
  }

  async hasEnded(): Promise<boolean> {
    return isTerminalPlan((await this.plan()).status);
  }

  /** Lets one thing happen; a refusal that a careful caller expects is fine. `chance` decides its details. */
  async let(deed: Deed, chance: Chance): Promise<void> {
    this.#chance = chance;
    await this.#attempt(() => this.#do(deed));
  }

  #do(deed: Deed): Promise<void> {
    switch (deed) {
      case "submit":
        return this.#submit();
      case "approve":
        return this.#approve();
      case "grant":
        return this.#answer(this.#chance(2));
      case "deny":
        return this.#answer(2 + this.#chance(2));
      case "pause":
        return this.#decide({ decision: "pause" });
      case "resume":
        return this.#decide({ decision: "resume" });
      case "cancel":
        return this.#decide({ decision: "cancel" });
      case "revise":
        return this.#decide({ decision: "revise", feedback: "otherwise" });
      case "edit":
        return this.#edit();
      case "retry":
        return this.#retry();
      case "deliver":
        return this.#deliver(false);
      case "deliver and keep":
        return this.#deliver(true);
      case "lose messages":
        return this.#purge();
      case "work":
        return this.#work(this.#chance(8));
      case "crash":
        return this.#restart();
      case "pass time":
        return this.#passTime(this.#chance(45_000));
      case "jump ahead":
        return this.#passTime(hour);
      case "jump back":
        return this.#passTime(-hour);
      case "wait a day":
        return this.#passTime(25 * hour);
    }
  }

  /** Lets everybody do their duty until the plan has ended or nothing more happens. */
  async settle(): Promise<void> {
    this.#claims = [];
    for (let round = 0; round < 200 && !(await this.hasEnded()); round += 1) {
      await this.#attempt(() => this.#approve());
      await this.#attempt(() => this.#decide({ decision: "resume" }));
      await this.#attempt(() => this.#answer(0));
      for (const message of await messagesOf(this.#engine, this.planId)) {
        const claim = await claimStep(this.#engine, message, "careful");
        await dropMessage(this.#engine, message);
        if (isClaim(claim)) await this.#attempt(() => this.#finishWell(claim));
      }
      const rows = await listSteps(this.#engine.store.read, this.planId);
      if (rows.some((row) => row.status === "needs_reconcile")) {
        await this.#attempt(() => this.#decide({ decision: "cancel" }));
      }
      await this.#passTime(60_000);
    }
  }

  async #attempt(deed: () => Promise<void>): Promise<void> {
    try {
      await deed();
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  async #deliver(twice: boolean): Promise<void> {
    const messages = await messagesOf(this.#engine, this.planId);
    const message = messages[this.#chance(Math.max(1, messages.length))];
    if (message === undefined) return;
    const claim = await claimStep(this.#engine, message, `worker-${this.#chance(3)}`);
    if (!twice) await dropMessage(this.#engine, message);
    if (isClaim(claim)) this.#claims.push(claim);
  }

  /** Some worker, perhaps one that lost its lease long ago, does something with its claim. */
  async #work(kind: number): Promise<void> {
    const index = this.#chance(Math.max(1, this.#claims.length));
    const claim = this.#claims[index];
    if (claim === undefined) return;
    const engine = this.#engine;
    const failure = { reason: "tool_failed", code: "tool_failed", message: "it broke" } as const;
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return this.#finishWell(claim);
      case 3:
        return failStep(engine, claim, { ...failure, retryable: this.#chance(3) > 0 });
      case 4:
        if (claim.step.kind === "agent") return this.#park(claim);
        return undefined;
      case 5:
        return releaseStep(engine, claim, "stop");
      case 6:
        await heartbeat(engine, claim);
        return claim.step.kind === "finish" ? undefined : this.#beginCall(claim);
      default:
        this.#claims.splice(index, 1);
        return undefined;
    }
  }

  async #finishWell(claim: Claim): Promise<void> {
    if (claim.step.kind === "planning") return this.#propose(claim);
    if (claim.step.kind === "finish") return endByLastStep(this.#engine, claim);
    return completeStep(this.#engine, claim, { summary: "done", head: "c".repeat(40) });
  }

  async #propose(claim: Claim): Promise<void> {
    const { def_json: json } = claim.plan;
    // A retry of a plan that nobody had approved begins with planning.
    const before: Plan = json === null ? planOf(claim.planId, this.#shape) : (JSON.parse(json) as Plan);
    const finished = await finishedSteps(this.#engine, claim);
    const revision = before.revision + 1;
    const next = testStep(`r${revision}`, { action: "audit", needs: finished.map(({ id }) => id) });
    const plan = sealPlan({ ...before, revision, steps: [...finished, next] });
    await proposePlan(this.#engine, claim, { plan, summary: "planned again" });
  }

  /** Reserves a turn and begins an effect, as a worker does that will die in the middle. */
  async #beginCall(claim: Claim): Promise<void> {
    await changeClaimed(this.#engine, claim, async (change) => {
      const reservation = { tokens: 100, costUsd: 0.25 };
      await reserve(change.tx, { plan: change.plan, stepId: claim.stepId, budget: {}, reservation });
      await change.tx
        .updateTable("step")
        .set({ intent_call_id: "1.0" })
        .where("plan_id", "=", claim.planId)
        .where("step_id", "=", claim.stepId)
        .execute();
    });
  }

  async #park(claim: Claim): Promise<void> {
    const reaches = { paths: ["x"], hosts: [], secrets: [], reversible: true };
    const question = {
      kind: "call" as const,
      requestHash: "d".repeat(64),
      title: "may I",
      agent: "code-writer",
      risk: "low" as const,
      reason: "outside",
      reaches,
    };
    await parkForCall(this.#engine, claim, { callId: "1.0", question });
  }

  async #answer(kind: number): Promise<void> {
    const row = await this.#engine.store.read
      .selectFrom("approval")
      .selectAll()
      .where("plan_id", "=", this.planId)
      .where("status", "=", "pending")
      .executeTakeFirst();
    if (row === undefined) return;
    const requestHash = row.request_hash;
    const decisions: ApprovalDecision[] = [
      { decision: "approve", requestHash, scope: "once" },
      { decision: "approve", requestHash, scope: "step" },
      { decision: "deny", requestHash, feedback: "no" },
      { decision: "replan", requestHash, feedback: "otherwise" },
    ];
    const decision = decisions[kind];
    if (decision === undefined) return;
    await decideApproval(this.#engine, { approvalId: row.id, tenantId: "local", decision, actor: user });
  }

  async #approve(): Promise<void> {
    const { status, def_hash: planHash } = await this.plan();
    if (status === "awaiting_approval" && planHash !== null) await this.#decide({ decision: "approve", planHash });
  }

  async #decide(decision: PlanDecision): Promise<void> {
    await decidePlan({ engine: this.#engine, models: noModels }, { planId: this.planId, decision, actor: user });
  }

  /** Changes the text of one step that has not started. */
  async #edit(): Promise<void> {
    const { def_json: json, def_hash: basePlanHash } = await this.plan();
    if (json === null || basePlanHash === null) return;
    const plan = JSON.parse(json) as SealedPlan;
    const target = this.#chance(plan.steps.length);
    const steps = plan.steps.map((step, index) => (index === target ? { ...step, summary: hashStep(step) } : step));
    const agents = new Map(
      ["code-writer"].map((name) => [name, { capabilities: ["repo.write" as const], approval_policy: {} }]),
    );
    await editPlan(this.#engine, { planId: this.planId, basePlanHash, plan: { ...plan, steps }, actor: user, agents });
  }

  async #purge(): Promise<void> {
    await this.#engine.store.tx((tx) => tx.deleteFrom("outbox").where("plan_id", "=", this.planId).execute());
  }

  /** The only process dies and starts again. */
  async #restart(): Promise<void> {
    await sweepLeases(this.#engine, () => true);
    await reemitReady(this.#engine, 0);
  }

  async #passTime(ms: number): Promise<void> {
    this.#engine.clock.advance(ms);
    await sweepTimers(this.#engine);
    await sweepLeases(this.#engine);
    await sweepCancelled(this.#engine);
    await reemitReady(this.#engine);
  }
}
