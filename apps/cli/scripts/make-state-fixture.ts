// Makes a state folder of this version, to prove that later versions can go on with it:
// `node apps/cli/scripts/make-state-fixture.ts FILE.tar.gz`. It holds a plan that ended well, one that
// waits for its approval and one whose agent waits for an answer.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { makeDatedRepository } from "../src/testing/make-repository.ts";
import { createCli } from "../src/testing/run-ossaat.ts";
import { call, counterFrame, counterScript, editSum, finish, turns, writeScript } from "../src/testing/script.ts";

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: make-state-fixture.ts FILE.tar.gz");

const cli = await createCli();
try {
  const repository = await makeDatedRepository(path.join(cli.folder, "repository"));
  const model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  const asking = await writeScript(path.join(cli.folder, "asking.json"), [
    ...counterFrame,
    ...turns(
      "code-writer",
      "fix",
      { toolCalls: [editSum] },
      { toolCalls: [call("run_command", { argv: ["touch", "made"] })] },
      finish("Mended."),
    ),
  ]);
  const idOf = async (words: string[]) => (await cli.json(repository, words)).value.plan.id as string;
  const plans = {
    ended: await idOf(["run", "Let sum add", "--yes", "--model", model]),
    waiting: await idOf(["plan", "Let sum add", "--model", model]),
    asking: await idOf(["run", "Let sum add", "--yes", "--model", asking]),
  };
  await cli.run(repository, ["down"]);
  const folder = path.join(cli.folder, "fixture");
  mkdirSync(folder);
  cpSync(cli.stateDir, path.join(folder, "state"), { recursive: true });
  for (const name of ["server.log", "server.json"]) rmSync(path.join(folder, "state", name), { force: true });
  cpSync(path.join(repository, ".plans"), path.join(folder, "plans"), { recursive: true });
  const { stdout: version } = await cli.run(repository, ["--version"]);
  writeFileSync(
    path.join(folder, "about.json"),
    `${JSON.stringify({ version: version.trim(), folder: cli.folder, plans }, null, 2)}\n`,
  );
  const reproducible = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
  execFileSync("tar", ["-czf", path.resolve(out), ...reproducible, "-C", folder, "."]);
} finally {
  await cli.close();
}
