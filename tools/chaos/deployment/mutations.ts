// Safeguards of a deployment, each taken away by one change of the source, and the run in which its absence
// must show.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { Mutation, Person, PlanShape } from "../../../packages/testkit/src/chaos/index.ts";
import type { Invariant } from "../../../packages/testkit/src/index.ts";
import type { HastenedLimits } from "../../../services/orchestrator/src/testing/hasten-limits.ts";
import type { Deployment } from "./deployment.ts";
import { hastened } from "./limits.ts";
import { noFence } from "../shared-mutations.ts";
import type { StackName } from "./stack.ts";

export type Disturbance = { deployment: Deployment; person: Person; pauseFile: string };

export type DeploymentMutation = {
  mutation: Mutation;
  /** What the oracle must say: another complaint may come from a run that merely broke. */
  caughtBy: Invariant;
  shape: PlanShape;
  limits: HastenedLimits;
  /** Whether a relay waits once for a word of the run, before it gives a message to the broker. */
  pauses: boolean;
  /** A change that takes nothing away, made with and without the safeguard. */
  slowed?: Mutation;
  disturb(disturbance: Disturbance): Promise<void>;
};

const waits = {
  /** Time for something that a run waits for, ms. */
  longestMs: 30_000,
  lookMs: 10,
  /** Time in which a message gets from a process into a broker that does not read, ms. */
  onTheWayMs: 700,
} as const;

const plan = (twist: "slow" | "plain"): PlanShape => ({
  goal: "Do it",
  steps: [
    { id: "m0", kind: "write", needs: [], twist },
    { id: "m1", kind: "write", needs: ["m0"], twist: "plain" },
  ],
  incident: undefined,
});

async function until<T>(look: () => T | undefined): Promise<T | undefined> {
  const end = Date.now() + waits.longestMs;
  for (let found = look(); Date.now() < end; found = look()) {
    if (found !== undefined) return found;
    await sleep(waits.lookMs);
  }
  return undefined;
}

function eventsOf(person: Person) {
  const [planId] = person.ends().map(({ id }) => id);
  return planId === undefined ? [] : (person.captures(planId)[0]?.events ?? []);
}

/** The worker that runs the slow call of step m0. */
function workerOfCall(person: Person): string | undefined {
  const events = eventsOf(person);
  const isMine = events.some(
    (event) => event.type === "tool.started" && event.stepId === "m0" && event.data.tool === "run_command",
  );
  const start = events.findLast((event) => event.type === "step.started" && event.stepId === "m0");
  return isMine && start?.type === "step.started" ? start.data.worker : undefined;
}

/** A worker stands still in the middle of a call for longer than its lease, and goes on when another has the step. */
async function freezeWorker({ deployment, person }: Disturbance): Promise<void> {
  const worker = await until(() => workerOfCall(person));
  if (worker === undefined) return;
  // Workers call themselves worker-w0, their processes here worker-0.
  const member = deployment.member(worker.replace("worker-w", "worker-"));
  member.freeze();
  await until(() => {
    const other = eventsOf(person).findLast((event) => event.type === "step.started" && event.stepId === "m0");
    return other?.type === "step.started" && other.data.worker !== worker ? other : undefined;
  });
  member.thaw();
}

/** The id of the process whose relay waits before it gives a message to the broker. */
function paused(file: string): Promise<number | undefined> {
  return until(() => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text === "" ? undefined : Number(text);
  });
}

async function killPaused({ deployment, pauseFile }: Disturbance): Promise<void> {
  const pid = await paused(pauseFile);
  const name = ["worker-0", "worker-1"].find((each) => deployment.member(each).pid === pid);
  // One that starts announces what it finds, and would hide what is missing.
  if (name !== undefined) await deployment.keepDown(name);
}

/** The broker gets the message, and dies before it has done anything with it. */
async function killBroker({ deployment, pauseFile }: Disturbance): Promise<void> {
  if ((await paused(pauseFile)) === undefined) return;
  deployment.stack.broker.freeze();
  writeFileSync(`${pauseFile}.go`, "");
  await sleep(waits.onTheWayMs);
  await deployment.outage("broker", 0);
}

/** The last resort against a message that was lost would come a while later. */
const withoutReemit: HastenedLimits = { ...hastened, engine: { ...hastened.engine, reemitAfterMs: 3_600_000 } };

/** A worker that does not ask does not know that its lease is over. */
const deafWorker: HastenedLimits = {
  ...hastened,
  engine: { ...hastened.engine, leaseMs: 8_000, heartbeatMs: 60_000, silenceCheckMs: 60_000 },
};

const noConfirm: Record<StackName, Mutation> = {
  rabbit: {
    name: "no wait for the confirm",
    file: "services/orchestrator/src/job/adapters/rabbitmq/publisher.ts",
    find: `        const hasRoom = channel.publish("", queue, content, all, answered);`,
    replace: `        const hasRoom = channel.publish("", queue, content, all, answered);
        resolve({ accepted: true });`,
  },
  kafka: {
    name: "no wait for the confirm",
    file: "services/orchestrator/src/job/adapters/kafka/publisher.ts",
    find: "acks: -1,",
    replace: "acks: 0,",
  },
};

/** Two that read the plan's next number at once take the same. */
const noSequenceLock: Mutation = {
  name: "no sequence lock",
  file: "services/orchestrator/src/job/engine.ts",
  find: "const locked = await lockPlan(engine, tx, { planId, ahead });",
  replace: "const locked = await lockPlan(engine, engine.store.read as never, { planId });",
};

/** A change that takes nothing away: two meet more often between the reading of the number and its use. */
const slowSequence: Mutation = {
  name: "slow sequence",
  file: "services/orchestrator/src/job/engine.ts",
  find: "const { plan, now } = locked;",
  replace: `const { plan, now } = locked;
  await new Promise((resolve) => setTimeout(resolve, 5));`,
};

const sideBySide: PlanShape = {
  goal: "Do it",
  steps: [
    ...["m0", "m1", "m2", "m3"].map((id) => ({ id, kind: "write" as const, needs: [], twist: "plain" as const })),
    { id: "join", kind: "merge", needs: ["m0", "m1", "m2", "m3"], twist: "plain" },
  ],
  incident: undefined,
};

const noOutbox: Mutation = {
  name: "no outbox: deleted before the confirm",
  file: "services/orchestrator/src/job/relay.ts",
  find: `    const answered = await this.#publish(messages);
    await this.#end(answered);`,
  replace: `    await this.#claims.remove(messages);
    const answered = await this.#publish(messages);
    await this.#end(answered);`,
};

/** Waits in one process, once, at its second message: by then it knows its queues. */
const pauseCode = `async (file) => {
  globalThis.messagesSent = (globalThis.messagesSent ?? 0) + 1;
  if (globalThis.messagesSent < 2) return;
  const fs = process.getBuiltinModule("node:fs");
  try {
    fs.writeFileSync(file, String(process.pid), { flag: "wx" });
  } catch {
    return;
  }
  while (!fs.existsSync(file + ".go")) await new Promise((resolve) => setTimeout(resolve, 5));
}`;

/** A change that takes nothing away: it makes a moment last that is too short to be met. */
export function pauseBeforePublish(file: string): Mutation {
  const find = "    const answers = await this.#deps.queue.publish(";
  return {
    name: "pause before a publish",
    file: "services/orchestrator/src/job/relay.ts",
    find,
    replace: `    await (${pauseCode})(${JSON.stringify(file)});\n${find}`,
  };
}

export function mutationsOf(stack: StackName): readonly DeploymentMutation[] {
  return [
    {
      mutation: noFence,
      caughtBy: "I8",
      shape: plan("slow"),
      limits: deafWorker,
      pauses: false,
      disturb: freezeWorker,
    },
    {
      mutation: noOutbox,
      caughtBy: "I1",
      shape: plan("plain"),
      limits: withoutReemit,
      pauses: true,
      disturb: killPaused,
    },
    {
      mutation: noConfirm[stack],
      caughtBy: "I1",
      shape: plan("plain"),
      limits: withoutReemit,
      pauses: true,
      disturb: killBroker,
    },
    {
      mutation: noSequenceLock,
      // The table's key lets no number in twice, so that who was late fails.
      caughtBy: "I1",
      shape: sideBySide,
      limits: hastened,
      pauses: false,
      slowed: slowSequence,
      disturb: () => Promise.resolve(),
    },
  ];
}
