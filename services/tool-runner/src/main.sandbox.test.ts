// A runner in a process of its own, with a real box: a step that names a secret runs commands there.
import { once } from "node:events";
import { writeFileSync } from "node:fs";

import { Envelope } from "@ossaat/contracts";
import { afterAll, describe, expect, it } from "vitest";

import { connectToolRunner } from "./grpc-client.ts";
import { createBubblewrapSandbox } from "./sandbox/adapters/bubblewrap.ts";
import { testHost } from "./testing/host.ts";
import {
  collectEvents,
  makeInvocation,
  outcomeOf,
  testPlanId,
  testWorkspaceId,
  wideEnvelope,
} from "./testing/open-runner.ts";
import { spawnRunner } from "./testing/spawn-runner.ts";
import { makeTempDir } from "./testing/temp-dir.ts";
import { makeUserRepository } from "./testing/user-repository.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());
const probe = await createBubblewrapSandbox({
  host: testHost,
  arch: process.arch,
  scratchDir: dir.at("probe"),
}).probe();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

const repository = makeUserRepository(dir.at("user"), { "a.txt": "a\n" });
const envelope = Envelope.parse({ ...wideEnvelope, egressHosts: ["registry.example.org"], secrets: ["npm"] });

async function runNaming(name: string, env: Record<string, string>) {
  const address = `unix:${dir.at(`${name}.sock`)}`;
  const child = spawnRunner(dir.path, {
    OSSAAT_RUNNER_ADDRESS: address,
    OSSAAT_RUNNER_STATE_DIR: dir.at(`state-${name}`),
    OSSAAT_RUNNER_SANDBOX: "bubblewrap",
    ...env,
  });
  await once(child.stdout, "data");
  const client = connectToolRunner(address);
  const place = { workspaceId: testWorkspaceId, planId: testPlanId, repositoryPath: repository.root };
  await client.workspaces.open({ ...place, commit: repository.base });
  const outcome = outcomeOf(
    await collectEvents(client.tools.execute(makeInvocation("run_command", { argv: ["true"] }, { envelope }))),
  );
  client.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  return outcome;
}

describe.skipIf(!probe.usable)(`a step that names a secret${reason}`, () => {
  it("runs commands where the runner has a file with it, and its variable, and nowhere else", async () => {
    const file = dir.at("secrets.json");
    const secrets = { npm: { hosts: ["registry.example.org"], variable: "NPM_TOKEN" } };
    writeFileSync(file, JSON.stringify({ schemaVersion: 1, secrets }), { mode: 0o600 });
    const named = { OSSAAT_RUNNER_SECRETS_FILE: file };
    expect([
      await runNaming("with", { ...named, NPM_TOKEN: "canary" }),
      await runNaming("unset", named),
      await runNaming("without", {}),
    ]).toMatchObject([
      { state: "completed" },
      { state: "failed", code: "unavailable", message: "The secret npm has no value: NPM_TOKEN is not set." },
      { state: "failed", code: "not_found", message: "The secret npm, which the step names, is not there." },
    ]);
  });
});
