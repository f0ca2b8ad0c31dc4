// State folders that cannot be used: each is named with what to do, and nothing in it is changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

let cli: Cli;
let repository: string;

/** A state folder that has seen a whole run and whose server is down. */
beforeEach(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  const model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  const run = await cli.run(repository, ["run", "Let sum add", "--yes", "--model", model]);
  expect(run.code, run.stderr).toBe(0);
  expect((await cli.run(repository, ["down"])).code).toBe(0);
});
afterEach(() => cli.close());

const database = () => path.join(cli.stateDir, "ossaat.db");

/** Contents of everything that is kept, without logs and addresses of servers. */
function kept(): string[] {
  const names = readdirSync(cli.stateDir, { recursive: true, encoding: "utf8" }).toSorted();
  return names.flatMap((name) => {
    const file = path.join(cli.stateDir, name);
    if (!statSync(file).isFile() || /server|\.lock$/u.test(name)) return [];
    return [`${name} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`];
  });
}

/** Every command that needs the server fails with this, and leaves the folder as it is. */
async function expectRefusal(code: number, text: string): Promise<void> {
  const before = kept();
  for (const words of [["runs"], ["plan", "Do something", "--model", "none"]]) {
    const result = await cli.run(repository, words);
    expect([result.code, result.stderr], words.join(" ")).toEqual([code, expect.stringContaining(text) as string]);
    expect(result.stderr).toContain("Next: ");
  }
  expect(kept()).toEqual(before);
}

test("a damaged database", async () => {
  const bytes = readFileSync(database());
  bytes.fill(0x5a, 0, Math.min(bytes.length, 8_192));
  writeFileSync(database(), bytes);
  await expectRefusal(7, "is damaged");
});

test("a database of a newer version", async () => {
  const db = new DatabaseSync(database());
  db.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-of-the-future', '2030-01-01')");
  db.close();
  await expectRefusal(7, "written by a newer version");
});

test("a database that another program holds", async () => {
  const db = new DatabaseSync(database());
  db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  try {
    const result = await cli.run(repository, ["runs"]);
    expect([result.code, result.stderr]).toEqual([7, expect.stringContaining("using this state folder") as string]);
  } finally {
    db.close();
  }
  expect((await cli.run(repository, ["runs"])).code).toBe(0);
});

test.skipIf(process.getuid?.() !== 0)(
  "a folder on a disk that cannot be written (needs root to mount it)",
  async () => {
    execFileSync("mount", ["--bind", cli.stateDir, cli.stateDir]);
    try {
      execFileSync("mount", ["-o", "remount,ro,bind", cli.stateDir]);
      await expectRefusal(7, "cannot be used (EROFS)");
    } finally {
      execFileSync("umount", ["-l", cli.stateDir]);
    }
    expect((await cli.run(repository, ["runs"])).code).toBe(0);
  },
);

test("a folder that was removed under its server, which ends", async () => {
  expect((await cli.run(repository, ["up", "--detach"])).code).toBe(0);
  const pid = await cli.serverPid();
  if (pid === undefined) throw new Error("no server runs");
  rmSync(cli.stateDir, { recursive: true });
  const runs = await cli.run(repository, ["runs"]);
  expect([runs.code, runs.stderr]).toEqual([0, expect.stringContaining("No plans yet.") as string]);
  expect(await cli.serverPid()).not.toBe(pid);
  const isAlive = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  for (let tries = 0; tries < 200 && isAlive(); tries += 1) await sleep(100);
  expect(isAlive()).toBe(false);
});

test("a file in its place", async () => {
  const elsewhere = path.join(cli.folder, "file");
  mkdirSync(path.dirname(elsewhere), { recursive: true });
  writeFileSync(elsewhere, "mine\n");
  const result = await cli.run(repository, ["runs"], { env: { OSSAAT_STATE_DIR: elsewhere } });
  expect([result.code, readFileSync(elsewhere, "utf8")]).toEqual([7, "mine\n"]);
  expect(result.stderr).toContain("Next: ");
});
