// A plan moves from one server to another by a file: two users, two state folders, two clones.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterPlan, counterScript, call, writeScript } from "./testing/script.ts";

const secret = "canary-secret-of-the-environment";

let ann: Cli;
let bob: Cli;
let annsClone: string;
let bobsClone: string;
let planId: string;
let file: string;

beforeAll(async () => {
  ann = await createCli({ OPENAI_API_KEY: secret });
  bob = await createCli();
  annsClone = await makeRepository(path.join(ann.folder, "repository"));
  bobsClone = path.join(bob.folder, "clone");
  execFileSync("git", ["clone", "-q", annsClone, bobsClone]);
  const propose = { match: { agent: "planner" }, reply: { toolCalls: [call("propose_plan", counterPlan)] } };
  const model = await writeScript(path.join(ann.folder, "script.json"), [propose, ...counterScript]);
  const planned = await ann.json(annsClone, ["plan", "Let sum in src/sum.js add", "--model", model]);
  planId = planned.value.plan.id;
  file = path.join(ann.folder, "plan.tar");
});
afterAll(async () => {
  await ann.close();
  await bob.close();
});

const show = async (cli: Cli, folder: string): Promise<Json> => (await cli.json(folder, ["show", planId])).value.plan;

test("export writes one private file, overwrites nothing, and says that an open plan goes on", async () => {
  const exported = await ann.run(annsClone, ["export", planId, "--file", file]);
  expect([exported.code, exported.stdout]).toEqual([0, `${file}\n`]);
  const advice = "The plan is waiting for your approval and stays here too: go on with it in one place only.";
  expect(exported.stderr).toContain(advice);
  expect(exported.stderr).not.toContain("ossaat pause");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await readFile(file)).includes(secret)).toBe(false);
  const again = await ann.run(annsClone, ["export", planId, "--file", file]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("exists already")]);
  const nowhere = path.join(ann.folder, "nowhere");
  const lost = await ann.run(annsClone, ["export", planId, "--file", path.join(nowhere, "x.tar")]);
  expect([lost.code, lost.stderr.split("\n")]).toEqual([
    2,
    [
      `ossaat: The folder ${nowhere} does not exist.`,
      expect.stringMatching(/^Fault: /u),
      `Next: \`mkdir -p ${nowhere}\`, or \`ossaat export ${planId} --file FILE\` with another name`,
      "",
    ],
  ]);
});

test("import takes it over, once; approved there it ends there, with its branch", async () => {
  const imported = await bob.json(bobsClone, ["import", file]);
  expect([imported.code, imported.value]).toEqual([
    0,
    {
      schemaVersion: 1,
      planId,
      outcome: "imported",
      status: "awaiting_approval",
      events: expect.any(Number),
      notes: [],
    },
  ]);
  expect((await bob.json(bobsClone, ["import", file])).value.outcome).toBe("already_here");
  expect(await readFile(path.join(bobsClone, ".plans", planId, "plan.json"), "utf8")).toContain(planId);
  const before = await show(ann, annsClone);
  expect((await show(bob, bobsClone)).planHash).toBe(before.planHash);
  const run = await bob.json(bobsClone, ["approve", planId, "--watch"]);
  expect([run.code, run.value.plan.status]).toEqual([0, "succeeded"]);
  expect(execFileSync("git", ["show", `ossaat/${planId}:src/sum.js`], { cwd: bobsClone }).toString()).toContain(
    "a + b",
  );
  const again = await bob.run(bobsClone, ["import", file]);
  expect([again.code, again.stdout]).toEqual([0, `${planId}  succeeded\n`]);
});

test("an ended plan is read elsewhere as it was: show, logs, cost, evidence", async () => {
  const ended = path.join(bob.folder, "ended.tar");
  expect((await bob.run(bobsClone, ["export", planId, "--file", ended])).code).toBe(0);
  const eve = await createCli();
  try {
    const folder = path.join(eve.folder, "no-repository");
    execFileSync("mkdir", [folder]);
    const imported = await eve.run(folder, ["import", ended]);
    expect([imported.code, imported.stderr]).toEqual([0, expect.stringContaining("no repository was named")]);
    for (const command of [
      ["logs", planId],
      ["cost", planId],
      ["show", planId, "--evidence"],
    ]) {
      const there = await bob.json(bobsClone, command);
      const here = await eve.json(folder, command);
      if (command[0] === "logs") {
        expect(here.value.events.slice(0, -1)).toEqual(there.value.events);
        expect(here.value.events.at(-1).type).toBe("plan.imported");
      } else expect(here.value).toEqual(there.value);
    }
    const outputs = await eve.run(folder, ["logs", planId, "--outputs"]);
    const there = (await bob.run(bobsClone, ["logs", planId, "--outputs"])).stdout;
    expect(outputs.stdout.startsWith(there)).toBe(true);
    expect(outputs.stdout.slice(there.length)).toMatch(/^\d\d:\d\d:\d\d imported by \S+, exported at \S+\n$/u);
  } finally {
    await eve.close();
  }
});

test("a damaged file, and one that is not there, are refused with what to do", async () => {
  const damaged = path.join(bob.folder, "damaged.tar");
  await writeFile(damaged, await readFile(file));
  await appendFile(damaged, "x");
  const refused = await bob.run(bobsClone, ["import", damaged]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("The archive cannot be taken")]);
  const none = path.join(bob.folder, "none.tar");
  const untrue: [string, string][] = [
    [none, `There is no file ${none}.`],
    [bob.folder, `${bob.folder} is a folder: an archive is a file.`],
    ["/dev/stdin", "/dev/stdin is no regular file: an archive is read from one."],
  ];
  for (const [given, message] of untrue) {
    const { code, stderr } = await bob.run(bobsClone, ["import", given]);
    expect([given, code, stderr.split("\n")[0]]).toEqual([given, 2, `ossaat: ${message}`]);
  }
});
