// RabbitMQ behind TLS, by the address that an operator writes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { makeAuthority } from "@ossaat/contracts/testing";
import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

import { envelope, pool } from "../testing/queue-under-test.ts";
import { openBroker } from "./open-broker.ts";

let folder: string;
let server: RabbitmqServer;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-amqps-"));
  const [authority, other] = [await makeAuthority("ours"), await makeAuthority("theirs")];
  writeFileSync(path.join(folder, "ca.pem"), authority.ca);
  writeFileSync(path.join(folder, "other.pem"), other.ca);
  server = await startRabbitmq({ tls: { ca: authority.ca, ...(await authority.issue({ names: ["localhost"] })) } });
});
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("amqps:// is checked by the authority that the settings name", async () => {
  const url = `amqps://guest@localhost:${server.tlsPort}`;
  const openWith = async (file: string) => {
    const errors: string[] = [];
    const open = await openBroker({ url, password: "guest", caFile: path.join(folder, file) });
    return { errors, queue: open((error) => errors.push(String(error))) };
  };
  const { queue } = await openWith("ca.pem");
  await queue.ensureTopology([pool]);
  expect([await queue.publish([envelope(1)]), await queue.depth(pool)]).toEqual([[{ accepted: true }], 1]);
  await queue.close({ drainMs: 1_000 });
  const refused = await openWith("other.pem");
  await expect(refused.queue.ensureTopology([pool])).rejects.toMatchObject({ code: "unavailable" });
  expect(refused.errors.join("\n")).toMatch(/certificate/u);
  await refused.queue.close({ drainMs: 1_000 });
});
