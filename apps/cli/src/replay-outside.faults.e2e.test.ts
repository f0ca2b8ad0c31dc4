// `ossaat replay` of a run whose effects were felt outside of it.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, editSum, finish, turns, writeScript } from "./testing/script.ts";

test("what may happen once, and was allowed by a person, is not done again", async () => {
  const once = await createCli({ OSSAAT_ON_APPROVAL: "park" });
  try {
    const folder = await makeRepository(path.join(once.folder, "once"));
    const ledger = path.join(once.folder, "ledger");
    const charge = ["node", "-e", `require("node:fs").appendFileSync(${JSON.stringify(ledger)}, "charged\\n")`];
    const model = await writeScript(path.join(once.folder, "once.json"), [
      ...counterFrame,
      ...turns(
        "code-writer",
        "fix",
        { toolCalls: [call("run_command", { argv: charge })] },
        { toolCalls: [editSum] },
        finish("Mended."),
      ),
    ]);
    const free = (...args: string[]) => once.json(folder, ["--dangerously-no-sandbox", ...args]);
    const { id } = (await free("plan", "Let sum add", "--model", model)).value.plan;
    const file = path.join(folder, ".plans", id, "plan.json");
    const written = JSON.parse(readFileSync(file, "utf8"));
    written.steps.find((step: Json) => step.id === "fix").envelope.effect = "once";
    writeFileSync(file, JSON.stringify(written));
    await free("edit", id);
    const parked = await free("approve", id, "--watch");
    const run = await free("approve", parked.value.plan.approvals[0].approvalId, "--watch");
    expect([parked.code, run.code, readFileSync(ledger, "utf8")], run.stderr).toEqual([9, 0, "charged\n"]);
    const { code, value, stderr } = await free("replay", id);
    expect([code, value.same, value.steps[1], readFileSync(ledger, "utf8")], stderr).toEqual([
      0,
      true,
      { id: "fix", turns: 3, calls: 2, notRepeated: ["1.0 run_command"] },
      "charged\n",
    ]);

    // The person was asked something else: their yes is no answer to what is asked now.
    await once.run(folder, ["down"]);
    const database = new DatabaseSync(path.join(once.stateDir, "ossaat.db"));
    const asked = "UPDATE event SET data_json = replace(data_json, ?, ?) WHERE type = 'approval.requested'";
    database.prepare(asked).run("code-writer wants to run", "code-writer wants to look at");
    database.close();
    const other = await free("replay", id);
    expect([other.code, other.value.steps[1]], other.stderr).toEqual([
      3,
      {
        id: "fix",
        turns: 3,
        calls: 2,
        difference: {
          at: "question",
          recorded: expect.stringMatching(/^code-writer wants to look at node -e .*, subject [0-9a-f]{12}$/) as string,
          replayed: expect.stringMatching(/^code-writer wants to run node -e .*, subject [0-9a-f]{12}$/) as string,
        },
      },
    ]);
  } finally {
    await once.close();
  }
});
