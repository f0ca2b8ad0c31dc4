// `ossaat config`: what it shows of the layers, and what it refuses to write.
import { writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";

let cli: Cli;
let repository: string;

const goal = "Let sum in src/sum.js add";

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
});

afterAll(() => cli.close());

describe("ossaat config", () => {
  test("lists with origins, explains, and reads back what was set", async () => {
    await cli.run(repository, ["config", "set", "budget.maxCostUsd", "2"]);
    const list = await cli.run(repository, ["config", "list", "--show-origin"], { env: { OSSAAT_SLOTS: "3" } });
    expect(list.stdout).toMatch(/^budget\.maxCostUsd +2 {2}\[user .*ossaat\.yaml:\d+\]$/m);
    expect(list.stdout).toMatch(/^server\.slots +3 {2}\[env OSSAAT_SLOTS\]$/m);
    expect((await cli.run(repository, ["config", "get", "budget.maxCostUsd"])).stdout).toBe("2\n");
    const explained = await cli.json(repository, ["config", "explain", "budget.maxCostUsd"], {
      env: { OSSAAT_MAX_COST_USD: "1" },
    });
    expect(explained.value).toMatchObject({
      value: 1,
      origin: { layer: "env", where: "OSSAAT_MAX_COST_USD" },
      default: 5,
      flag: "--max-cost",
      overridden: [
        { layer: "user", value: 2 },
        { layer: "default", value: 5 },
      ],
    });
    const text = (await cli.run(repository, ["config", "explain", "budget.maxCostUsd"])).stdout;
    for (const word of ["Meaning", "Takes", "Default", "Origin", "--max-cost", "OSSAAT_MAX_COST_USD", "Won over"]) {
      expect(text).toContain(word);
    }
    await cli.run(repository, ["config", "unset", "budget.maxCostUsd"]);
  });

  test("suggests the nearest key, and refuses what does not fit", async () => {
    const near = await cli.run(repository, ["config", "set", "maxCost", "1"]);
    expect([near.code, near.stderr]).toEqual([2, expect.stringContaining("Did you mean budget.maxCostUsd?")]);
    const bad = await cli.run(repository, ["config", "set", "server.slots", "many"]);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("a whole number from 1 to 64")]);
    const never = await cli.run(repository, ["config", "set", "--project", "terminal.editor", "vi"]);
    expect([never.code, never.stderr]).toEqual([2, expect.stringContaining("cannot be set by a project")]);
  });

  test("writes and repeats no password of a database", async () => {
    for (const address of ["postgres://ann:hidden@db/plans", "postgres://ann@db/plans?password=hidden"]) {
      const set = await cli.run(repository, ["config", "set", "store", address]);
      expect(set.code).toBe(2);
      expect(set.stderr).toContain("without a password");
      expect(set.stdout + set.stderr).not.toContain("hidden");
    }
    const given = await cli.run(repository, ["status"], { env: { OSSAAT_STORE: "postgres://ann:hidden@db/plans" } });
    expect([given.code, given.stderr]).toEqual([2, expect.stringContaining("OSSAAT_STORE takes")]);
    expect(given.stdout + given.stderr).not.toContain("hidden");
    expect((await cli.run(repository, ["config", "get", "store"])).stdout).toBe("");
  });

  test("writes and repeats no password of a broker", async () => {
    const address = "amqp://ann:hidden@broker/jobs";
    const set = await cli.run(repository, ["config", "set", "queue", address]);
    expect([set.code, set.stderr]).toEqual([2, expect.stringContaining("without a password")]);
    const given = await cli.run(repository, ["status"], { env: { OSSAAT_QUEUE: address } });
    expect([given.code, given.stderr]).toEqual([2, expect.stringContaining("OSSAAT_QUEUE takes")]);
    expect(set.stdout + set.stderr + given.stdout + given.stderr).not.toContain("hidden");
  });

  test("says when a value that was written has no effect", async () => {
    const set = await cli.run(repository, ["config", "set", "server.slots", "2"], { env: { OSSAAT_SLOTS: "3" } });
    expect(set.stderr).toContain("It has no effect here: OSSAAT_SLOTS wins");
    await cli.run(repository, ["config", "unset", "server.slots"]);
  });

  test("a broken file stops every command with its line, and nothing else is touched", async () => {
    const folder = await makeRepository(path.join(cli.folder, "broken"));
    writeFileSync(path.join(folder, "ossaat.yaml"), "budget:\n  maxCostUsd: lots\n");
    const result = await cli.run(folder, ["plan", goal]);
    expect([result.code, result.stderr]).toEqual([
      2,
      expect.stringContaining("ossaat.yaml:2: budget.maxCostUsd takes"),
    ]);
  });

  test("names no store or queue for a server that runs elsewhere", async () => {
    const env = { OSSAAT_URL: "http://127.0.0.1:1", OSSAAT_TOKEN: "t" };
    for (const named of [
      ["--store", "postgres://ann@127.0.0.1/plans"],
      ["--queue", "amqp://ann@127.0.0.1:5672"],
    ]) {
      const up = await cli.run(repository, ["up", "--detach", ...named], { env });
      expect([up.code, up.stderr.split("\n")]).toEqual([
        1,
        [
          `ossaat: ${named[0]} changes nothing of the server at http://127.0.0.1:1 (env OSSAAT_URL): it is configured where it runs.`,
          expect.stringContaining("Fault:"),
          "Next: leave the option out; or `unset OSSAAT_URL`, or `ossaat config unset server.url`, for a server of this machine",
          "",
        ],
      ]);
    }
    const foreground = await cli.run(repository, ["up", "--store", "postgres://ann@127.0.0.1/plans"], { env });
    expect(foreground.code).toBe(1);
    expect(foreground.stderr).toContain("it is configured where it runs.");
  });
});
