// What a person is told of a deployment in which a part is away.
import path from "node:path";

import { startPostgres } from "@ossaat/testkit";
import type { PostgresServer } from "@ossaat/testkit";
import { createWorld } from "@ossaat/testkit/chaos";
import type { World } from "@ossaat/testkit/chaos";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

import { askDoctor, findingsOf } from "./testing/ask-doctor.ts";
import { servicesIn } from "./testing/fleet-services.ts";
import { startFleet } from "./testing/fleet.ts";
import type { Fleet } from "./testing/fleet.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";

let server: PostgresServer;
let world: World;
let fleet: Fleet;
let cli: Cli;
let env: Record<string, string>;

beforeAll(async () => {
  server = await startPostgres({ commits: "memory" });
  world = createWorld();
  fleet = await startFleet({
    services: servicesIn(inject("fleetFolder")),
    folder: path.join(world.folder, "fleet"),
    storeUrl: await server.createDatabase(),
    requestLog: world.requestLog,
    apis: 1,
    workers: 0,
  });
  await fleet.ready();
  cli = await createCli();
  env = { OSSAAT_URL: fleet.gatewayUrl, OSSAAT_TOKEN: fleet.token };
});
afterAll(async () => {
  await cli?.close();
  await fleet?.close();
  world?.remove();
  await server?.remove();
});

const status = () => cli.run(cli.folder, ["status"], { env });

test("with the tool runner away, status shows what is there, marks what is away, and doctor says what to start", async () => {
  expect((await status()).code).toBe(0);
  await fleet.member("runner").end("SIGKILL");
  const { code, stdout, stderr } = await status();
  expect(code).toBe(7);
  expect(stdout).toMatch(/^Sandbox {2}AWAY, The tool runner at 127\.0\.0\.1:\d+ could not be reached/mu);
  expect(stdout).toMatch(/^Queue {4}well/mu);
  expect(stdout).toMatch(/^Plans {4}0 open/mu);
  expect(stderr.split("\n")).toEqual([
    expect.stringMatching(/^Next: start the tool runner at 127\.0\.0\.1:\d+; /u),
    "",
  ]);
  const findings = await askDoctor(cli, { env });
  expect(findingsOf(findings, "server")).toEqual([
    {
      id: "server",
      status: "fail",
      message: expect.stringMatching(/The tool runner at \S+ could not be reached/u),
      next: expect.stringMatching(/^start the tool runner at 127\.0\.0\.1:\d+; /u),
    },
  ]);
});
