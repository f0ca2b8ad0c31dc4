// Plans in PostgreSQL, from outside: the demo with its crash, a database that is killed, wrong addresses.
import path from "node:path";

import { startPostgres } from "@ossaat/testkit";
import type { PostgresServer } from "@ossaat/testkit";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ commits: "memory" });
});
afterAll(() => server.remove());

/** The address without its password, and the variable that carries that. */
function settingsOf(url: string): { store: string; env: { PGPASSWORD: string } } {
  const address = new URL(url);
  const { password } = address;
  address.password = "";
  return { store: address.href, env: { PGPASSWORD: password } };
}

async function ask(url: string, statement: string): Promise<Json[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Json>(statement)).rows;
  } finally {
    await client.end();
  }
}

describe("a server with its plans in PostgreSQL", () => {
  let url: string;
  let store: string;
  let cli: Cli;
  beforeEach(async () => {
    url = await server.createDatabase();
    const settings = settingsOf(url);
    ({ store } = settings);
    cli = await createCli(settings.env);
  });
  afterEach(() => cli.close());

  const statuses = () => ask(url, "select status from plan");
  const eventCount = async () => {
    const [row] = await ask(url, "select count(*)::int as rows, max(seq)::int as last from event");
    return row as { rows: number; last: number };
  };

  test("runs the demo's plan to its end, through the kill of the server", async () => {
    const demo = await cli.run(cli.folder, ["demo", "--dir", "demo", "--store", store]);
    expect(demo.code, demo.stderr + demo.stdout).toBe(0);
    expect(demo.stdout + demo.stderr).toContain("The demo killed the server (SIGKILL");
    expect(await statuses()).toEqual([{ status: "succeeded" }]);
    const { rows, last } = await eventCount();
    expect(rows).toBe(last);
    expect(await ask(url, "select id from outbox union all select id from timer")).toEqual([]);
  });

  test("runs a plan on while the database is killed and comes back", async () => {
    const repository = await makeRepository(path.join(cli.folder, "repository"));
    const model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
    const env = { OSSAAT_STORE: store };
    const planned = await cli.json(repository, ["plan", "Let sum in src/sum.js add", "--model", model], { env });
    expect(planned.code, planned.stderr).toBe(0);
    const { id } = planned.value.plan;
    const watching = cli.json(repository, ["approve", id, "--watch"], { env });
    while ((await ask(url, "select 1 from event where type = 'step.started' and step_id = 'fix'")).length === 0);
    await server.kill();
    await server.start();
    const run = await watching;
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ status: "succeeded", branch: `ossaat/${id}` });
    expect(git(repository, "show", `ossaat/${id}:src/sum.js`)).toContain("return a + b;");
    const { rows, last } = await eventCount();
    expect(rows).toBe(last);
  });

  test("is alone on its database and in its folder", async () => {
    expect((await cli.run(cli.folder, ["up", "--detach", "--store", store])).code).toBe(0);
    const other = await cli.run(cli.folder, ["up", "--store", store], {
      env: { OSSAAT_STATE_DIR: path.join(cli.folder, "other") },
    });
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringContaining("Another ossaat server is using this database."),
    ]);
    const second = settingsOf(await server.createDatabase());
    const sameFolder = await cli.run(cli.folder, ["up", "--store", second.store]);
    expect([sameFolder.code, sameFolder.stderr]).toEqual([
      1,
      expect.stringContaining("Another ossaat server is using this state folder."),
    ]);
    const detached = await cli.run(cli.folder, ["up", "--detach", "--store", second.store]);
    expect([detached.code, detached.stderr]).toEqual([
      1,
      expect.stringMatching(/The running server \(pid \d+\) keeps its plans elsewhere than in postgres:/u),
    ]);
    const same = await cli.run(cli.folder, ["up", "--detach", "--store", store]);
    expect([same.code, same.stdout]).toEqual([0, expect.stringContaining("was up already")]);
    expect((await cli.run(cli.folder, ["down"])).code).toBe(0);
    const again = await cli.run(cli.folder, ["up", "--detach", "--store", store], {
      env: { OSSAAT_STATE_DIR: path.join(cli.folder, "other") },
    });
    expect(again.code, again.stderr).toBe(0);
    await cli.run(cli.folder, ["down"], { env: { OSSAAT_STATE_DIR: path.join(cli.folder, "other") } });
  });

  test("`ossaat db migrate` brings the schema up to date, twice without harm, and says what is wrong", async () => {
    for (let times = 0; times < 2; times += 1) {
      const migrated = await cli.json(cli.folder, ["db", "migrate", "--store", store]);
      expect([migrated.code, migrated.value]).toEqual([0, { schemaVersion: 1, migrated: true }]);
    }
    expect(await statuses()).toEqual([]);
    const doctor = await cli.json(cli.folder, ["doctor"], { env: { OSSAAT_STORE: store } });
    expect(doctor.value.findings.find(({ id }: Json) => id === "database")).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/^PostgreSQL \d+\.\d+.*, schema \d{4}-\S+$/u),
    });
    const wrong = async (address: string, env: Record<string, string> = {}) => {
      const { code, stderr } = await cli.run(cli.folder, ["db", "migrate", "--store", address], { env });
      return [code, stderr.split("\n")[0]];
    };
    const nowhere = store.replace(/\/[^/]*$/u, "/nowhere");
    expect(await wrong(nowhere)).toEqual([7, expect.stringContaining("The database of `store` does not exist.")]);
    expect(await wrong(store, { PGPASSWORD: "wrong" })).toEqual([
      7,
      expect.stringContaining("The database refused the user or the password."),
    ]);
    for (const mode of ["prefer", "require", "verify-ca", "verify-full", "no-verify"]) {
      const { code, stderr } = await cli.run(cli.folder, ["db", "migrate", "--store", `${store}?sslmode=${mode}`]);
      expect([mode, code, stderr.split("\n")]).toEqual([
        mode,
        7,
        [
          "ossaat: The database server does not support SSL connections.",
          expect.stringMatching(/^Fault: /u),
          "Next: turn on `ssl` there, or take `sslmode` out of the address (`ossaat config explain store`) where nobody else is on the way",
          "",
        ],
      ]);
    }
    expect((await cli.run(cli.folder, ["db", "migrate", "--store", `${store}?sslmode=disable`])).code).toBe(0);
    expect(await wrong(`${store}?sslmode=always`)).toEqual([2, expect.stringContaining('not "always"')]);
    expect(await wrong(`${store}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`)).toEqual([
      2,
      expect.stringContaining("/nowhere/ca.pem"),
    ]);
    expect(await wrong("postgres://ann:hidden@127.0.0.1/plans")).toEqual([
      2,
      expect.stringContaining('not "postgres://ann:…@127.0.0.1/plans"'),
    ]);
  });
});
