// What users of such platforms report, in real time on real servers: a broker that is away for a minute,
// a deployment that is restarted while a person thinks, a group that is put together anew all the time.
import { setTimeout as sleep } from "node:timers/promises";

import { Kafka, logLevel } from "kafkajs";

import type { Person, PlanShape } from "../../../packages/testkit/src/chaos/index.ts";
import type { Deployment } from "./deployment.ts";
import { deploymentLimits as limits } from "./limits.ts";
import type { StackName } from "./stack.ts";

export type Scene = {
  deployment: Deployment;
  person: Person;
  /** Lets the person answer from now on. */
  comeBack: () => void;
};

export type Scenario = {
  name: string;
  shape: PlanShape;
  /** The person answers nothing until told to. */
  isAway?: boolean;
  act: (scene: Scene) => Promise<void>;
};

const times = {
  /** The outage that users report, ms. */
  outageMs: 60_000,
  /** How long a group is disturbed, ms. */
  stormMs: 20_000,
  /** Longest wait for what a scenario needs, ms. */
  waitMs: 60_000,
} as const;

const chain = (prefix: string): PlanShape => ({
  goal: `Do ${prefix} one after the other`,
  steps: [
    { id: `${prefix}0`, kind: "write", needs: [], twist: "slow" },
    { id: `${prefix}1`, kind: "write", needs: [`${prefix}0`], twist: "plain" },
    { id: `${prefix}2`, kind: "audit", needs: [`${prefix}1`], twist: "plain" },
  ],
  incident: undefined,
});

const asking: PlanShape = {
  goal: "Do what was not foreseen",
  steps: [{ id: "q0", kind: "write", needs: [], twist: "outside" }],
  incident: undefined,
};

const eventsOf = (person: Person) => person.ends().flatMap(({ id }) => person.captures(id)[0]?.events ?? []);

/** @throws Error when it does not come */
async function met(person: Person, type: string): Promise<void> {
  const until = Date.now() + times.waitMs;
  while (!eventsOf(person).some((event) => event.type === type)) {
    if (Date.now() > until) throw new Error(`${type} did not come: ${person.describe().join("; ")}`);
    await sleep(limits.lookMs);
  }
}

const outage: Scenario = {
  name: "the broker is away for a minute",
  shape: chain("o"),
  async act({ deployment, person }) {
    await met(person, "tool.started");
    await deployment.outage("broker", times.outageMs);
  },
};

const rolling: Scenario = {
  name: "a question is answered after every process was restarted",
  shape: asking,
  isAway: true,
  async act({ deployment, person, comeBack }) {
    await met(person, "approval.requested");
    await deployment.roll();
    comeBack();
  },
};

/** Members come and go, so that every member gives up what it has. */
async function disturbGroup({ stack }: Deployment): Promise<void> {
  const brokers = [new URL(stack.queueSettings("chaos")["OSSAAT_QUEUE"] ?? "").host];
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const until = Date.now() + times.stormMs;
  while (Date.now() < until) {
    const intruder = kafka.consumer({ groupId: "chaos.workers.default", maxWaitTimeInMs: 50, heartbeatInterval: 300 });
    const { promise: joined, resolve } = Promise.withResolvers<void>();
    intruder.on("consumer.group_join", () => resolve());
    await intruder.connect();
    await intruder.subscribe({ topic: "chaos.jobs.default" });
    await intruder.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() });
    await Promise.race([joined, sleep(times.stormMs)]);
    await intruder.disconnect();
  }
}

/** Every connection is cut, again and again. */
async function cutConnections({ stack }: Deployment): Promise<void> {
  const until = Date.now() + times.stormMs;
  while (Date.now() < until) {
    await stack.broker.control?.("close_all_connections", "storm");
    await sleep(1_000);
  }
}

const storm = (stack: StackName): Scenario => ({
  name: stack === "kafka" ? "the group is put together anew all the time" : "all connections are cut every second",
  shape: chain("r"),
  async act({ deployment, person }) {
    await met(person, "plan.created");
    await (stack === "kafka" ? disturbGroup(deployment) : cutConnections(deployment));
  },
});

export const scenariosOf = (stack: StackName): readonly Scenario[] => [outage, rolling, storm(stack)];
