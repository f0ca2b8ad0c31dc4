// A deployment that lives over many seeds: what they kill is started again, and what ends by itself is noticed.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { FleetServices } from "../../../apps/cli/src/testing/fleet-services.ts";
import { startFleet } from "../../../apps/cli/src/testing/fleet.ts";
import type { Fleet, FleetMember } from "../../../apps/cli/src/testing/fleet.ts";
import { openDatabase } from "../../../apps/cli/src/testing/open-database.ts";
import type { Downtime, Query, RequestLine } from "../../../packages/testkit/src/index.ts";
import { deploymentLimits as limits } from "./limits.ts";
import type { Stack } from "./stack.ts";

export type DeploymentOptions = {
  stack: Stack;
  /** For state, logs and certificates. */
  folder: string;
  /** Begins the names of queues and topics. */
  namespace: string;
  services: FleetServices;
};

export type Server = "broker" | "database";

/** One at a time. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

export class Deployment {
  readonly folder: string;
  /** Times without the database or the broker. */
  readonly downtimes: Downtime[] = [];
  /** Processes that ended although nothing they need was away. */
  readonly problems: string[] = [];
  readonly stack: Stack;
  readonly #fleet: Fleet;
  readonly #storeUrl: string;
  readonly #requestLog: string;
  readonly #bornAt = new Map<string, number>();
  readonly #held = new Set<string>();
  readonly #workerKills = new Turns();
  readonly #outages = new Turns();
  readonly #questions = new Turns();
  readonly #watch: NodeJS.Timeout;
  #isOut = false;
  #database: Promise<Awaited<ReturnType<typeof openDatabase>>> | undefined;

  private constructor(fleet: Fleet, { stack, folder, storeUrl }: { stack: Stack; folder: string; storeUrl: string }) {
    this.folder = folder;
    this.stack = stack;
    this.#fleet = fleet;
    this.#storeUrl = storeUrl;
    this.#requestLog = requestLogOf(folder);
    for (const { name } of fleet.members) this.#bornAt.set(name, Date.now());
    this.#watch = setInterval(() => this.#startEnded(), limits.lookMs);
  }

  static async start({ stack, folder, namespace, services }: DeploymentOptions): Promise<Deployment> {
    mkdirSync(folder, { recursive: true });
    const storeUrl = await stack.postgres.createDatabase();
    const { apis, workers } = limits;
    const settings = stack.queueSettings(namespace);
    const requestLog = requestLogOf(folder);
    const fleet = await startFleet({ services, folder, storeUrl, settings, requestLog, apis, workers });
    try {
      await fleet.ready();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return new Deployment(fleet, { stack, folder, storeUrl });
  }

  address(): { url: string; token: string } {
    return { url: this.#fleet.gatewayUrl, token: this.#fleet.token };
  }

  member(name: string): FleetMember {
    return this.#fleet.member(name);
  }

  /** Of all models. */
  requests(): RequestLine[] {
    if (!existsSync(this.#requestLog)) return [];
    const lines = readFileSync(this.#requestLog, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as RequestLine);
  }

  /** Asks the database as soon as it is there, one question after the other. */
  readonly query: Query = (sql, parameters) => this.#questions.take(() => this.#ask(sql, parameters));

  async #ask(...[sql, parameters]: Parameters<Query>): ReturnType<Query> {
    const until = Date.now() + limits.settleMs;
    for (;;) {
      try {
        this.#database ??= openDatabase(this.#storeUrl);
        return await (await this.#database).query(sql, parameters);
      } catch (error) {
        this.#database = undefined;
        if (Date.now() > until) throw error;
        await sleep(limits.lookMs);
      }
    }
  }

  /** Ends a process by SIGKILL, when it has lived for a while, and starts it again. */
  kill(name: string): Promise<void> {
    const kill = () => this.#replace(name, { end: () => this.member(name).end("SIGKILL"), isTime: () => true });
    if (!name.startsWith("worker")) return kill();
    return this.#workerKills.take(async () => {
      await kill();
      await sleep(limits.betweenWorkersMs);
    });
  }

  /** Tells a process to stop, when it has lived for a while and the time has come, and starts it again. */
  stop(name: string, isTime: () => boolean): Promise<void> {
    return this.#replace(name, { end: () => this.#stop(name), isTime });
  }

  /** Names of its processes. */
  members(): string[] {
    return this.#fleet.members.map(({ name }) => name);
  }

  /**
   * Tells each process in turn to stop, and starts it again, as a deployment is brought to another version.
   * @param services of the other version; absent = the version stays
   */
  async roll(names: readonly string[] = this.members(), services?: FleetServices): Promise<void> {
    for (const name of names) {
      const member = this.member(name);
      this.#held.add(name);
      await this.#stop(name);
      if (services !== undefined) member.become(services);
      this.#begin(name);
      this.#held.delete(name);
      const until = Date.now() + limits.settleMs;
      while (!member.serves && Date.now() < until) await sleep(limits.lookMs);
    }
  }

  /** Ends a process by SIGKILL for good. */
  async keepDown(name: string): Promise<void> {
    this.#held.add(name);
    await this.member(name).end("SIGKILL");
  }

  /** Kills a server below the processes, and starts it again after a while. */
  outage(server: Server, downMs: number): Promise<void> {
    return this.#outages.take(async () => {
      const from = Date.now();
      const { postgres, broker } = this.stack;
      const killed = server === "broker" ? broker : postgres;
      this.#isOut = true;
      await killed.kill();
      await sleep(downMs);
      await killed.start();
      this.downtimes.push({ from, until: Date.now() });
      this.#isOut = false;
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    const database = await this.#database?.catch(() => undefined);
    await database?.close().catch(() => undefined);
    await this.#fleet.close();
  }

  async #replace(name: string, { end, isTime }: { end: () => Promise<unknown>; isTime: () => boolean }): Promise<void> {
    const isYoung = () => Date.now() - (this.#bornAt.get(name) ?? 0) < limits.leastLifeMs;
    while (isYoung() || this.#held.has(name) || !isTime()) await sleep(limits.lookMs);
    this.#held.add(name);
    await end();
    await sleep(limits.restartMs);
    this.#begin(name);
    this.#held.delete(name);
  }

  async #stop(name: string): Promise<void> {
    const { code } = await this.member(name).end("SIGTERM");
    if (code !== 0) this.problems.push(`${name} did not stop when it was told to: exit code ${code}`);
  }

  #begin(name: string): void {
    this.#bornAt.set(name, Date.now());
    this.member(name).start();
  }

  /** A process may end while the database is away, as one that starts then does. */
  #mayEnd(): boolean {
    const last = this.downtimes.at(-1);
    return this.#isOut || (last !== undefined && Date.now() - last.until < limits.afterOutageMs);
  }

  #startEnded(): void {
    for (const { name, isAlive } of this.#fleet.members) {
      if (isAlive || this.#held.has(name)) continue;
      if (!this.#mayEnd()) {
        const said = this.member(name).log().trimEnd().split("\n").slice(-2).join(" ");
        this.problems.push(`${name} ended by itself: ${said}`);
      }
      this.#begin(name);
    }
  }
}

function requestLogOf(folder: string): string {
  return path.join(folder, "requests.jsonl");
}
