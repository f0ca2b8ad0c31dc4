// Runs plans through a series of server lives, each of which ends by SIGKILL but the last, and
// judges what is left.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { FailpointTarget } from "../failpoint/failpoints.ts";
import type { Downtime } from "../oracle/check-streams.ts";
import type { Finding } from "../oracle/finding.ts";
import { findFolderLeftovers, loseMessages } from "../oracle/state-folder.ts";
import { judge } from "./judge.ts";
import { Person } from "./person.ts";
import type { PlanShape } from "./plan-shape.ts";
import { writeScript } from "./plan-shape.ts";
import type { Random } from "./random.ts";
import { commandLine, descendants, startServer } from "./server-process.ts";
import type { ServerEntry, ServerProcess } from "./server-process.ts";
import type { World } from "./world.ts";

/** What happens in one life of the server, at times counted from its start, ms. */
export type Life = {
  /** Where it kills itself; it is killed from outside when it does not come there. */
  target?: FailpointTarget | undefined;
  /** When it is killed from outside at the latest. */
  killAfterMs: number;
  /** From when on the first process that is met of a tool, or of the kind of tool given, is killed. */
  killTool?: { afterMs: number; program?: string } | undefined;
  /** When the tool runner in a process of its own is killed. */
  killRunnerAfterMs?: number | undefined;
  /** When its clock jumps, and to which offset; `onPoint`: when that failpoint was reached, as `name hit`. */
  jump?: { afterMs?: number; onPoint?: string; toMs: number } | undefined;
  /** Every message that waits is lost before it begins. */
  losesMessages?: boolean | undefined;
};

export type RunPlan = {
  world: World;
  random: Random;
  shapes: readonly PlanShape[];
  lives: Iterable<Life>;
  entry: ServerEntry;
  /** Arguments of Node that start a tool runner in a process of its own; absent = the server's own is used. */
  runnerEntry?: ServerEntry | undefined;
  limits: Record<string, number>;
  /** Offset of the clock after the last life began, ms. */
  finalClockOffsetMs?: number;
  /** Time the plans have to end once the last life began, ms. */
  settleMs?: number;
};

export type RunResult = {
  findings: Finding[];
  /** Lives that ended by SIGKILL. */
  kills: number;
  /** Lives that killed themselves at their target. */
  hits: FailpointTarget[];
  toolKills: number;
  runnerKills: number;
};

const runLimits = {
  /** Time the plans have to end once the last life began, ms: more than a lease, because one may have to run out. */
  settleMs: 180_000,
  /** Time a server has to answer after its start, ms. */
  readyMs: 30_000,
  /** Time a server has to stop after it was asked to, ms. */
  stopMs: 10_000,
  /** Time for what follows the end of a plan at once, ms. */
  afterEndMs: 1_500,
  /** Time for what nobody waits for, ms: clean-ups have pauses of seconds between them. */
  tidyMs: 15_000,
} as const;

function problem(message: string): Finding {
  return { invariant: "I1", planId: "run", message };
}

/** A tool runner of its own, which is started again whenever it has been killed. */
class RunnerProcess {
  readonly address: string;
  readonly #start: () => ChildProcess;
  #child: ChildProcess;

  constructor(entry: ServerEntry, world: World) {
    this.address = `unix:${path.join(world.folder, "r", "runner.sock")}`;
    const env = {
      ...entry.env,
      OSSAAT_RUNNER_ADDRESS: this.address,
      OSSAAT_RUNNER_STATE_DIR: path.join(world.stateDir, "runner"),
      OSSAAT_RUNNER_SANDBOX: "none",
      OSSAAT_LOG_LEVEL: "error",
    };
    this.#start = () => spawn(process.execPath, [...entry.argv], { stdio: "ignore", env });
    this.#child = this.#start();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async killAndRestart(): Promise<void> {
    await this.stop();
    this.#child = this.#start();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

class Series {
  readonly #plan: RunPlan;
  readonly #person: Person;
  readonly #runner: RunnerProcess | undefined;
  readonly #downtimes: Downtime[] = [];
  readonly result: RunResult = { findings: [], kills: 0, hits: [], toolKills: 0, runnerKills: 0 };
  #server: ServerProcess | undefined;
  #address: { url: string; token: string } | undefined;
  #clockOffsetMs = 0;
  #hasJumped = false;
  #downSince: number | undefined;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    const { world, random, shapes, runnerEntry } = plan;
    const model = world.writeModel(writeScript(shapes, { effectLog: world.effectLog, random }));
    this.#person = new Person({ repository: world.repository, model, address: () => this.#address });
    this.#runner = runnerEntry === undefined ? undefined : new RunnerProcess(runnerEntry, world);
  }

  async run(): Promise<RunResult> {
    const { shapes, lives, finalClockOffsetMs = 0 } = this.#plan;
    const submitted = Promise.all(shapes.map((shape, index) => this.#person.submit(shape, `goal-${index}`))).catch(
      (error: unknown) => void this.result.findings.push(problem(`a goal was not taken: ${String(error)}`)),
    );
    try {
      for (const life of lives) {
        if (!(await this.#live(life))) break;
      }
      if (finalClockOffsetMs !== this.#clockOffsetMs) this.#hasJumped = true;
      this.#clockOffsetMs = finalClockOffsetMs;
      await this.#settle(submitted);
    } finally {
      const met = await this.#person.leave();
      this.result.findings.push(...met.map((message) => problem(`a person met: ${message}`)));
      this.#server?.kill("SIGKILL");
      await this.#server?.exited;
      await this.#runner?.stop();
    }
    await this.#judge();
    return this.result;
  }

  #start(target?: FailpointTarget): ServerProcess {
    const { world, entry, limits } = this.#plan;
    const { stateDir, cacheDir, requestLog, reachedFile } = world;
    const clockOffsetMs = this.#clockOffsetMs;
    const runnerAddress = this.#runner?.address;
    const settings = { stateDir, cacheDir, requestLog, reachedFile, target, runnerAddress, clockOffsetMs, limits };
    const server = startServer(entry, settings, world.serverLog);
    this.#server = server;
    void this.#follow(server);
    return server;
  }

  /** Notes when the server begins to answer and when it ends. */
  async #follow(server: ServerProcess): Promise<void> {
    const address = await server.ready;
    if (address !== undefined && server.isAlive()) {
      this.#address = address;
      if (this.#downSince !== undefined) this.#downtimes.push({ from: this.#downSince, until: Date.now() });
      this.#downSince = undefined;
    }
    await server.exited;
    this.#address = undefined;
    this.#downSince ??= Date.now();
  }

  /** One life to its violent end. Returns false when the plans were done before. */
  async #live(life: Life): Promise<boolean> {
    if (life.losesMessages === true) loseMessages(this.#plan.world.stateDir);
    const server = this.#start(life.target);
    const born = Date.now();
    const events = this.#eventsOf(life, server);
    while (server.isAlive() && !this.#person.isDone() && Date.now() - born < life.killAfterMs) {
      for (const event of events.filter(({ atMs }) => atMs <= Date.now() - born)) {
        if (await event.happen()) events.splice(events.indexOf(event), 1);
      }
      this.#jumpOnPoint(life, server);
      await Promise.race([server.exited, sleep(15)]);
    }
    // What follows the end of the last plan is reached when nobody waits for it any more.
    if (life.target !== undefined) await Promise.race([server.exited, sleep(runLimits.afterEndMs)]);
    const endedItself = !server.isAlive();
    const isDone = this.#person.isDone();
    server.kill("SIGKILL");
    const signal = await server.exited;
    if (signal === "SIGKILL") this.result.kills += 1;
    else this.result.findings.push(problem(`the server ended by itself: see ${this.#lastLogLine()}`));
    if (endedItself && life.target !== undefined && signal === "SIGKILL") this.result.hits.push(life.target);
    return endedItself || !isDone;
  }

  /** What happens in a life; each tells whether it happened, and is tried again until it did. */
  #eventsOf(life: Life, server: ServerProcess): { atMs: number; happen(): boolean | Promise<boolean> }[] {
    const { killTool, killRunnerAfterMs, jump } = life;
    return [
      ...(killTool === undefined
        ? []
        : [{ atMs: killTool.afterMs, happen: () => this.#killTool(server, killTool.program) }]),
      ...(killRunnerAfterMs === undefined ? [] : [{ atMs: killRunnerAfterMs, happen: () => this.#killRunner() }]),
      ...(jump?.afterMs === undefined ? [] : [{ atMs: jump.afterMs, happen: () => this.#jump(jump.toMs, server) }]),
    ];
  }

  /** A process that a tool, or git for it, runs at this moment, if there is one. */
  #killTool(server: ServerProcess, program?: string): boolean {
    const all = descendants(this.#runner?.pid ?? server.pid);
    const pids = program === undefined ? all : all.filter((pid) => commandLine(pid).includes(program));
    if (pids.length === 0) return false;
    try {
      process.kill(this.#plan.random.pick(pids), "SIGKILL");
      this.result.toolKills += 1;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      return false;
    }
  }

  async #killRunner(): Promise<boolean> {
    await this.#runner?.killAndRestart();
    if (this.#runner !== undefined) this.result.runnerKills += 1;
    return true;
  }

  #jumpOnPoint({ jump }: Life, server: ServerProcess): void {
    if (jump?.onPoint === undefined || this.#clockOffsetMs === jump.toMs) return;
    if (this.#plan.world.reached().has(jump.onPoint)) this.#jump(jump.toMs, server);
  }

  #jump(toMs: number, server: ServerProcess): true {
    this.#clockOffsetMs = toMs;
    this.#hasJumped = true;
    server.order({ clockOffsetMs: toMs });
    return true;
  }

  /** The last life: undisturbed, until all plans have ended. */
  async #settle(submitted: Promise<unknown>): Promise<void> {
    const server = this.#start();
    const ready = await Promise.race([server.ready, sleep(runLimits.readyMs, "late" as const)]);
    if (ready === undefined || ready === "late") {
      this.result.findings.push(problem(`the server did not start again: ${this.#lastLogLine()}`));
      return;
    }
    const { settleMs = runLimits.settleMs } = this.#plan;
    const end = Date.now() + settleMs;
    await Promise.race([submitted, sleep(settleMs)]);
    while (!this.#person.isDone() && Date.now() < end && server.isAlive()) await sleep(15);
    if (!this.#person.isDone()) {
      this.result.findings.push(...this.#person.describe().map((text) => problem(`does not end: ${text}`)));
    }
    await this.#tidied();
    server.kill("SIGTERM");
    await Promise.race([server.exited, sleep(runLimits.stopMs)]);
    if (server.isAlive()) this.result.findings.push(problem("the server does not stop when it is asked to"));
  }

  /** What ended plans leave is cleared by a clean-up soon after. */
  async #tidied(): Promise<void> {
    const { stateDir } = this.#plan.world;
    const end = Date.now() + runLimits.tidyMs;
    const isTidy = () => this.#person.ends().every((plan) => findFolderLeftovers(stateDir, { plan }).length === 0);
    while (Date.now() < end && !isTidy()) await sleep(15);
  }

  #lastLogLine(): string {
    return readFileSync(this.#plan.world.serverLog, "utf8").trimEnd().split("\n").at(-1) ?? "";
  }

  async #judge(): Promise<void> {
    const { world } = this.#plan;
    const downtimes = this.#hasJumped ? undefined : this.#downtimes;
    const person = this.#person;
    try {
      const findings = await judge({
        world,
        downtimes,
        shapeOf: (planId) => person.shapeOf(planId),
        captures: (planId) => person.captures(planId),
      });
      this.result.findings.push(...findings);
    } catch (error) {
      this.result.findings.push(problem(`what is left cannot be read: ${String(error)}`));
    }
  }
}

/** @returns what was found; an empty list of findings = every invariant held */
export function runLives(plan: RunPlan): Promise<RunResult> {
  return new Series(plan).run();
}
