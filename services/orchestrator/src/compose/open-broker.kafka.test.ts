// A cluster that wants TLS and a login, by the address that an operator writes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { randomUUID } from "node:crypto";

import { makeAuthority } from "@ossaat/contracts/testing";
import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import type { BrokerSettings } from "../config.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { done, envelope, pool } from "../testing/queue-under-test.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { openBroker } from "./open-broker.ts";

const password = "s3cret";
const patienceMs = 60_000;

let folder: string;
let caFile: string;
let otherFile: string;
let server: KafkaServer;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-kafkas-"));
  caFile = path.join(folder, "ca.pem");
  otherFile = path.join(folder, "other.pem");
  const authority = await makeAuthority("ours");
  writeFileSync(caFile, authority.ca);
  writeFileSync(otherFile, (await makeAuthority("theirs")).ca);
  const certificate = await authority.issue({ names: ["localhost"] });
  server = await startKafka({ secure: { ...certificate, user: "ann", password } });
});
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

const open: JobQueue[] = [];
afterEach(async () => {
  for (const queue of open.splice(0)) await queue.close({ drainMs: 1_000 });
});

async function openAt(query: string, settings: Partial<BrokerSettings> = {}): Promise<JobQueue> {
  const url = `kafkas://ann@${server.secureAddress}?namespace=t-${randomUUID()}${query}`;
  const queue = (await openBroker({ url, password, caFile, ...settings }))(() => undefined);
  open.push(queue);
  return queue;
}

test.each(["", "&sasl=scram-sha-256", "&sasl=plain"])("a message goes there and back with %j", async (query) => {
  const queue = await openAt(query);
  await queue.ensureTopology([pool]);
  const seen: string[] = [];
  queue.subscribe(pool, 1, (delivery) => {
    seen.push(delivery.envelope.stepId);
    return done(delivery);
  });
  expect(await queue.publish([envelope(1)])).toEqual([{ accepted: true }]);
  await waitUntil("it arrives", () => seen.length > 0, patienceMs);
  expect((await queue.health()).ok).toBe(true);
});

test("a wrong password and a certificate of another authority are told with what to do", async () => {
  const told = async (settings: Partial<BrokerSettings>) => (await openAt("", settings)).health();
  expect(await told({ password: "wrong" })).toEqual({
    ok: false,
    detail: "Kafka refused the user, the password or the mechanism",
    next: expect.stringContaining("OSSAAT_QUEUE_PASSWORD") as unknown,
  });
  expect(await told({ caFile: otherFile })).toEqual({
    ok: false,
    detail: expect.stringContaining("the certificate of Kafka is not accepted") as unknown,
    next: expect.stringContaining("queueCa") as unknown,
  });
});

test("a user without a password and a file that is not there are errors at once", async () => {
  await expect(openAt("", { password: undefined })).rejects.toMatchObject({ code: "invalid_input" });
  await expect(openAt("", { caFile: path.join(folder, "none") })).rejects.toThrow("cannot be read");
});
