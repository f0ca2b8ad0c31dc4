// Dead letters that several look at, and queues that others have made, on a real RabbitMQ.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";
import { startProxy, startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import type { ChannelModel } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { done, envelope, envelopes, named, pool } from "../../../testing/queue-under-test.ts";
import { testRabbitmqQueue } from "../../../testing/rabbitmq-queue.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { askQueue } from "../../ask-queue.ts";
import type { JobQueue } from "../../job-queue.ts";
import { jobEngineLimits } from "../../limits.ts";

const settleMs = 60_000;

let server: RabbitmqServer;
let operator: ChannelModel;
beforeAll(async () => {
  server = await startRabbitmq();
  operator = await connect(server.url);
});
afterAll(async () => {
  await operator.close();
  await server.remove();
});

let prefix: string;
const queues: JobQueue[] = [];
beforeEach(() => {
  prefix = `l${randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  for (const queue of queues.splice(0)) await queue.close({ drainMs: 1_000 });
});

function open(port = server.port): JobQueue {
  const url = new URL(server.url);
  url.port = String(port);
  const queue = testRabbitmqQueue({ url: url.href, prefix });
  queues.push(queue);
  return queue;
}

/** By an operator's own hand. */
async function declare(name: string, words: Record<string, unknown>): Promise<void> {
  const channel = await operator.createChannel();
  await channel.assertQueue(`${prefix}.${name}.${pool}`, { durable: true, arguments: words });
  await channel.close();
}

async function remove(name: string): Promise<void> {
  const channel = await operator.createChannel();
  await channel.deleteQueue(`${prefix}.${name}.${pool}`);
  await channel.close();
}

async function putLetters(sent: readonly JobEnvelope[]): Promise<void> {
  const channel = await operator.createConfirmChannel();
  for (const each of sent) {
    const content = Buffer.from(JSON.stringify(each));
    channel.sendToQueue(`${prefix}.dlq.${pool}`, content, { persistent: true, messageId: each.messageId });
  }
  await channel.waitForConfirms();
  await channel.close();
}

const ids = async (queue: JobQueue) => (await queue.deadLetters.list(pool, 1_000)).letters.map(({ id }) => id);

test("all who look at dead letters at once see all of them, and count them", async () => {
  const [first, second] = [open(), open()];
  await first.ensureTopology([pool]);
  const sent = envelopes(300);
  await putLetters(sent);
  const all = sent.map(({ messageId }) => messageId);
  await waitUntil("all are counted", async () => (await first.deadLetters.count(pool)) === 300);
  const looks = await Promise.all([ids(first), ids(second), ids(first), ids(second)]);
  expect(looks.map((seen) => seen.toSorted())).toEqual([all, all, all, all]);
  const counting = [first, second, first, second].map(({ deadLetters }) => deadLetters.count(pool));
  const [counts] = await Promise.all([Promise.all(counting), ids(first), ids(second)]);
  expect(counts).toEqual([300, 300, 300, 300]);
});

test("a letter is given back or dropped while others look", async () => {
  const [first, second] = [open(), open()];
  await first.ensureTopology([pool]);
  const sent = envelopes(40);
  await putLetters(sent);
  const looking = { isOver: false };
  const look = async () => {
    while (!looking.isOver) await ids(second);
  };
  const looker = look();
  for (const { messageId } of sent.slice(0, 10)) {
    expect(await first.deadLetters.end(pool, named(messageId), "drop")).toEqual([messageId]);
    expect(await first.deadLetters.end(pool, named(messageId), "drop")).toEqual([]);
  }
  expect(await first.deadLetters.end(pool, named(sent[10]?.messageId ?? ""), "requeue")).toEqual([
    sent[10]?.messageId ?? "",
  ]);
  looking.isOver = true;
  await looker;
  expect(new Set(await ids(second))).toEqual(new Set(sent.slice(11).map(({ messageId }) => messageId)));
  expect([await second.deadLetters.count(pool), await second.depth(pool)]).toEqual([29, 1]);
});

test("a look whose connection is lost holds up no other", async () => {
  const proxy = await startProxy(server.port);
  const [first, second] = [open(proxy.port), open()];
  await first.ensureTopology([pool]);
  const sent = envelopes(600);
  await putLetters(sent);
  await waitUntil("all are counted", async () => (await first.deadLetters.count(pool)) === 600);
  for (let n = 0; n < 5; n += 1) {
    const looks = Promise.allSettled([ids(first), ids(second), ids(first)]);
    await sleep(10 * n);
    proxy.cut();
    const [, other] = await looks;
    expect(other.status).toBe("fulfilled");
    await waitUntil("all are there again", async () => (await ids(second)).length === 600, settleMs);
    await waitUntil("it is well", async () => (await first.health()).ok, settleMs);
  }
  expect(new Set(await ids(first))).toEqual(new Set(sent.map(({ messageId }) => messageId)));
  await proxy.remove();
});

test("a look whose turn does not come is given up in time, and those behind it have theirs", async () => {
  const [first, second] = [open(), open()];
  await first.ensureTopology([pool]);
  const sent = envelopes(3);
  await putLetters(sent);
  await waitUntil("all are counted", async () => (await first.deadLetters.count(pool)) === 3);
  const { promise: held, resolve: release } = Promise.withResolvers<boolean>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const goOn = () => {
    begin();
    return held;
  };
  const ending = first.deadLetters.end(pool, { ...named(sent[0]?.messageId ?? ""), goOn }, "drop");
  await begun;
  const busy = { code: "unavailable", message: expect.stringContaining("Somebody else looks") as unknown };
  const hurried = [first, second].map(({ deadLetters }) => deadLetters.list(pool, 10, { withinMs: 500 }));
  for (const looking of hurried) await expect(looking).rejects.toMatchObject(busy);
  const patient = Promise.all([ids(first), ids(second)]);
  release(true);
  const left = sent.slice(1).map(({ messageId }) => messageId);
  expect([await ending, await patient]).toEqual([[sent[0]?.messageId], [left, left]]);
});

test("letters that lie scattered end until there is no time to give back the others", async () => {
  const queue = open();
  await queue.ensureTopology([pool]);
  const sent = envelopes(500);
  await putLetters(sent);
  await waitUntil("all are counted", async () => (await queue.deadLetters.count(pool)) === 500);
  const choose = (heads: readonly { id: string }[]) => heads.map(({ id }) => id).filter((_, n) => n % 2 === 0);
  // 250 apart are settled one by one, which takes 3 s.
  const first = await queue.deadLetters.end(pool, { choose, withinMs: 2_000 }, "drop");
  expect(first.length).toBeGreaterThanOrEqual(jobEngineLimits.lettersAtOnce);
  expect(first.length).toBeLessThan(250);
  const left = sent.map(({ messageId }) => messageId).filter((id) => !first.includes(id));
  expect((await ids(queue)).toSorted()).toEqual(left);
});

test("a tenant sees and counts its own letters behind thousands of another", async () => {
  const queue = open();
  await queue.ensureTopology([pool]);
  const own = envelope(5_000, { tenantId: "others" });
  await putLetters([...envelopes(2_500), own]);
  await waitUntil("all are counted", async () => (await queue.deadLetters.count(pool)) === 2_501);
  const { deadLetters } = queue;
  expect((await deadLetters.list(pool, 1_000, { tenantId: "others" })).letters.map(({ id }) => id)).toEqual([
    own.messageId,
  ]);
  expect([await deadLetters.count(pool, "others"), await deadLetters.count(pool, "local")]).toEqual([1, 2_500]);
  expect(await deadLetters.end(pool, named(own.messageId), "drop")).toEqual([own.messageId]);
  expect([await deadLetters.count(pool, "others"), await deadLetters.count(pool, "local")]).toEqual([0, 2_500]);
});

test("queues with other limits of deliveries are used as they are, and looking loses no letter", async () => {
  await declare("dlq", { "x-queue-type": "quorum", "x-delivery-limit": 3 });
  const jobs = {
    "x-queue-type": "quorum",
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": `${prefix}.dlq.${pool}`,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
  };
  await declare("jobs", { ...jobs, "x-delivery-limit": 11 });
  const [queue, other] = [open(), open()];
  await queue.ensureTopology([pool]);
  const seen: string[] = [];
  queue.subscribe(pool, 1, (delivery) => {
    seen.push(delivery.envelope.stepId);
    return delivery.settle("reject", "no good");
  });
  await queue.publish(envelopes(3));
  await waitUntil("all are dead", async () => (await queue.deadLetters.count(pool)) === 3, settleMs);
  const letters = (await queue.deadLetters.list(pool, 10)).letters;
  const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
  for (let n = 0; n < 8; n += 1) {
    expect((await queue.deadLetters.list(pool, 10)).letters.toSorted(byId)).toEqual(letters.toSorted(byId));
    expect((await other.deadLetters.list(pool, 10)).letters.toSorted(byId)).toEqual(letters.toSorted(byId));
  }
  expect([new Set(seen).size, (await queue.health()).ok]).toEqual([3, true]);
});

test("letters that were made without a word about a limit outlast many looks", async () => {
  await declare("dlq", { "x-queue-type": "quorum" });
  const queue = open();
  await queue.ensureTopology([pool]);
  await putLetters(envelopes(3));
  await waitUntil("all are counted", async () => (await queue.deadLetters.count(pool)) === 3, settleMs);
  const all = new Set(await ids(queue));
  for (let n = 0; n < 45; n += 1) expect(new Set(await ids(queue))).toEqual(all);
});

test("letters that were looked at too often are not risked while the broker takes no copies", async () => {
  await declare("dlq", { "x-queue-type": "quorum", "x-delivery-limit": 6 });
  const queue = open();
  await queue.ensureTopology([pool]);
  await putLetters(envelopes(2));
  await waitUntil("all are counted", async () => (await queue.deadLetters.count(pool)) === 2, settleMs);
  const all = new Set(await ids(queue));
  await server.alarm(true);
  try {
    const held = queue.publish([envelope(9)]);
    await waitUntil("blocked", async () => (await queue.health()).blocked === true, settleMs);
    const looks: unknown[] = [];
    for (let n = 0; n < 12; n += 1) {
      looks.push(await ids(queue).catch((error: { code: string; next: string }) => [error.code, error.next]));
    }
    expect(looks.at(-1)).toEqual(["unavailable", expect.stringContaining("memory")]);
    expect(await queue.deadLetters.count(pool)).toBe(2);
    await server.alarm(false);
    await held;
  } finally {
    await server.alarm(false);
  }
  await waitUntil("well", async () => !((await queue.health()).blocked ?? false), settleMs);
  for (let n = 0; n < 12; n += 1) expect(new Set(await ids(queue))).toEqual(all);
});

test.each(["dlq", "jobs"])("a queue %s of another kind is told, and used once it is made anew", async (name) => {
  await declare(name, {});
  const queue = open();
  const seen: string[] = [];
  const told = await queue.ensureTopology([pool]).catch((error: unknown) => error);
  queue.subscribe(pool, 1, (delivery) => {
    seen.push(delivery.envelope.stepId);
    return done(delivery);
  });
  await sleep(500);
  const { health, pools } = await askQueue(queue, [pool]);
  const { message, next } = told as { message: string; next: string };
  expect([(told as { code: string }).code, health]).toEqual([
    "conflict",
    { ok: false, blocked: false, detail: message, next },
  ]);
  expect(message).toContain(`${prefix}.${name}.${pool}`);
  expect([message, pools]).toEqual([expect.stringContaining("of another kind"), [{ pool, depth: null }]]);
  expect(next).not.toMatch(name === "dlq" ? /delete/u : /\.dlq\./u);
  await remove(name);
  await waitUntil("well", async () => (await queue.health()).ok, settleMs);
  expect(await queue.publish([envelope(1)])).toEqual([{ accepted: true }]);
  await waitUntil("it arrives", () => seen.length > 0, settleMs);
});

test("letters in a queue of another kind can be looked at and ended", async () => {
  await declare("dlq", {});
  const queue = open();
  await expect(queue.ensureTopology([pool])).rejects.toMatchObject({ code: "conflict" });
  await putLetters(envelopes(2));
  const [first = "", ...rest] = await ids(queue);
  expect(await queue.deadLetters.end(pool, named(first), "drop")).toEqual([first]);
  expect(await ids(queue)).toEqual(rest);
});

test("hundreds of letters that end at once stay ended", async () => {
  const queue = open();
  await queue.ensureTopology([pool]);
  const sent = envelopes(500);
  await putLetters(sent);
  await waitUntil("all are counted", async () => (await queue.deadLetters.count(pool)) === 500);
  const even = (id: string) => Number(id.slice(-1)) % 2 === 0;
  const choose = (heads: readonly { id: string }[]) => heads.map(({ id }) => id).filter(even);
  expect((await queue.deadLetters.end(pool, { choose }, "drop")).length).toBe(250);
  const left = sent.map(({ messageId }) => messageId).filter((id) => !even(id));
  expect((await ids(queue)).toSorted()).toEqual(left);
  expect(await queue.deadLetters.count(pool)).toBe(250);
});
