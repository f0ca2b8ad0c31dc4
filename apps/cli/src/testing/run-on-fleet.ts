// One plan through the processes of a deployment, from its goal to what the oracle says of it.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { checkPlan, readPlanFacts, startPostgres } from "@ossaat/testkit";
import type { Finding } from "@ossaat/testkit";
import { Person, createRandom, createWorld, writeScript } from "@ossaat/testkit/chaos";
import type { PlanShape } from "@ossaat/testkit/chaos";
import { inject } from "vitest";

import { servicesIn } from "./fleet-services.ts";
import { startFleet } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { openDatabase } from "./open-database.ts";

/** Milliseconds within which the plan has to end. */
const settleMs = 90_000;

const shape: PlanShape = {
  goal: "Do things one after the other",
  steps: [
    { id: "b0", kind: "write", needs: [], twist: "plain" },
    { id: "b1", kind: "write", needs: ["b0"], twist: "plain" },
    { id: "b2", kind: "audit", needs: ["b1"], twist: "plain" },
  ],
  incident: undefined,
};

/** How a plan ended on a deployment. */
export type FleetRun = {
  status: string;
  findings: Finding[];
  /** Messages that wait in the database. */
  waiting: number;
  /** How each of the processes ended when it was told to. */
  ends: number[];
};

async function watchToEnd(person: Person): Promise<void> {
  const end = Date.now() + settleMs;
  while (!person.isDone() && Date.now() < end) await sleep(50);
  if (!person.isDone()) throw new Error(`the plan does not end: ${person.describe().join("; ")}`);
}

async function stopAll({ orchestrators }: Fleet): Promise<number[]> {
  const ends = await Promise.all(orchestrators.map((member) => member.end("SIGTERM")));
  return ends.map(({ code }) => code ?? -1);
}

/** @param settings of the orchestrators: the broker that carries the jobs */
export async function runOnFleet(settings: Record<string, string>): Promise<FleetRun> {
  const server = await startPostgres({ commits: "memory" });
  const world = createWorld();
  let fleet: Fleet | undefined;
  try {
    const storeUrl = await server.createDatabase();
    const folder = path.join(world.folder, "fleet");
    const services = servicesIn(inject("fleetFolder"));
    const { requestLog } = world;
    fleet = await startFleet({ services, folder, storeUrl, settings, requestLog, apis: 1, workers: 2 });
    await fleet.ready();
    const { gatewayUrl: url, token } = fleet;
    const script = writeScript([shape], { effectLog: world.effectLog, random: createRandom(7) });
    const { repository } = world;
    const person = new Person({ repository, model: world.writeModel(script), address: () => ({ url, token }) });
    const planId = await person.submit(shape, shape.goal);
    await watchToEnd(person);
    await person.leave();
    const database = await openDatabase(storeUrl);
    try {
      const facts = await readPlanFacts(database.query, planId);
      const [row] = await database.query("select count(*) as waiting from outbox", []);
      const { status } = facts.plan;
      return { status, findings: checkPlan(facts), waiting: Number(row?.["waiting"]), ends: await stopAll(fleet) };
    } finally {
      await database.close();
    }
  } finally {
    await fleet?.close();
    world.remove();
    await server.remove();
  }
}
