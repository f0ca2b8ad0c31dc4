// One plan through the processes of a deployment that all send their spans to one collector.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { startPostgres } from "@ossaat/testkit";
import { Person, createRandom, createWorld, writeScript } from "@ossaat/testkit/chaos";
import type { PlanShape } from "@ossaat/testkit/chaos";
import { inject } from "vitest";

import { servicesIn } from "./fleet-services.ts";
import { startFleet } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import type { OtlpReceiver } from "./otlp-receiver.ts";

/** Milliseconds within which the plan has to end. */
const settleMs = 90_000;

const shape: PlanShape = {
  goal: "CANARY-GOAL: do one thing",
  steps: [{ id: "a0", kind: "write", needs: [], twist: "plain" }],
  incident: undefined,
};

/** What the caller of the plan's creation says of its own trace. */
export const caller = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

/** Goes with every export, and stands in no span. */
export const collectorKey = "canary-key-of-the-collector";

/** What each process answers to a scrape, by its name. */
export type Scrapes = Readonly<Record<"gateway" | "api-0" | "worker-0" | "runner", string>>;

export type TracedRun = {
  scrapes: Scrapes;
  status: string;
  planId: string;
  received: Pick<OtlpReceiver, "spans" | "requests" | "problems">;
};

type Asked = { fleet: Fleet; repository: string; model: string };

/** Creates the plan as a caller with a trace of its own does. The same key later finds the same plan. */
async function createPlan({ fleet, repository, model }: Asked): Promise<void> {
  const response = await fetch(`${fleet.gatewayUrl}/plans`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${fleet.token}`,
      "content-type": "application/json",
      "idempotency-key": shape.goal,
      traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
    },
    body: JSON.stringify({ goal: shape.goal, repository: { path: repository }, model }),
  });
  const text = await response.text();
  if (response.status !== 202 || response.headers.get("x-trace-id") !== caller.traceId)
    throw new Error(`the plan was not created in its trace: ${response.status} ${text}`);
}

async function runPlan(asked: Asked): Promise<{ status: string; planId: string }> {
  await createPlan(asked);
  const { fleet, repository, model } = asked;
  const address = () => ({ url: fleet.gatewayUrl, token: fleet.token });
  const person = new Person({ repository, model, address });
  const planId = await person.submit(shape, shape.goal);
  const end = Date.now() + settleMs;
  while (!person.isDone() && Date.now() < end) await sleep(50);
  await person.leave();
  return { status: person.ends()[0]?.status ?? "unknown", planId };
}

async function scrape(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}`);
  return response.text();
}

/** Where a process serves, by what it logs. */
function addressIn(log: string, message: string): string {
  const line = log.split("\n").find((candidate) => candidate.includes(`"msg":"${message}"`));
  const { address, url } = JSON.parse(line ?? "{}") as { address?: string; url?: string };
  return url ?? `http://${address}/metrics`;
}

async function scrapeAll(fleet: Fleet): Promise<Scrapes> {
  const worker = addressIn(fleet.member("worker-0").log(), "the orchestrator serves");
  return {
    gateway: await scrape(`${fleet.gatewayUrl}/metrics`, { authorization: `Bearer ${fleet.token}` }),
    "api-0": await scrape(`${fleet.replicas[0]}/metrics`),
    "worker-0": await scrape(worker),
    runner: await scrape(addressIn(fleet.member("runner").log(), "metrics are served")),
  };
}

/** @param settings of the orchestrators: the broker that carries the jobs */
export async function traceOnFleet(settings: Record<string, string>): Promise<TracedRun> {
  const server = await startPostgres({ commits: "memory" });
  const receiver = await startOtlpReceiver();
  const world = createWorld();
  let fleet: Fleet | undefined;
  try {
    const storeUrl = await server.createDatabase();
    const folder = path.join(world.folder, "fleet");
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${collectorKey}`,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=of-a-test",
      OSSAAT_RUNNER_METRICS_PORT: "0",
    };
    const { requestLog, repository } = world;
    const services = servicesIn(inject("fleetFolder"));
    fleet = await startFleet({ services, folder, storeUrl, settings, environment, requestLog, apis: 1, workers: 1 });
    await fleet.ready();
    const script = writeScript([shape], { effectLog: world.effectLog, random: createRandom(7) });
    const ended = await runPlan({ fleet, repository, model: world.writeModel(script) });
    const scrapes = await scrapeAll(fleet);
    // An orderly end sends what is left.
    await fleet.stop();
    const { spans, requests, problems } = receiver;
    return { ...ended, scrapes, received: { spans, requests, problems } };
  } finally {
    await fleet?.close();
    await receiver.close();
    world.remove();
    await server.remove();
  }
}
