// `ossaat queue` and `ossaat dlq` from outside: what a person sees of dead letters, and what they do about them.
import { afterAll, beforeAll, expect, test } from "vitest";

import { makePlace } from "./testing/example-worlds.ts";
import type { ExamplePlace } from "./testing/example-worlds.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";

let cli: Cli;
let first: ExamplePlace;
let second: ExamplePlace;
beforeAll(async () => {
  cli = await createCli({ OSSAAT_MODEL: "scripted:replies.json" });
  first = await makePlace(cli, "buried", "first");
  second = await makePlace(cli, "buried", "second");
});
afterAll(() => cli.close());

const json = (...args: string[]) => cli.json(first.folder, args);
const ids = async () => ((await json("dlq", "list")).value.letters as { id: string }[]).map(({ id }) => id);
const messageEvents = async ({ planId = "" }: ExamplePlace) => {
  const { value } = await json("logs", planId);
  return (value.events as { type: string; stepId: string }[])
    .filter(({ type }) => type.startsWith("message."))
    .map(({ type, stepId }) => `${type} ${stepId}`);
};

test("dead letters are counted, listed, shown, given back and dropped", async () => {
  const status = await json("queue", "status");
  expect([status.code, status.value]).toEqual([
    0,
    {
      schemaVersion: 1,
      health: { ok: true, blocked: false, detail: "outbox table" },
      waiting: 0,
      pools: [{ pool: "default", depth: 0, deadLetters: 2 }],
    },
  ]);
  expect(await ids()).toEqual(["letter-first", "letter-second"]);

  const shown = await cli.run(first.folder, ["dlq", "show", "letter-f"]);
  expect([shown.code, shown.stdout]).toEqual([
    0,
    expect.stringContaining(`letter-first  default  ${first.planId ?? ""} fix, attempt 1\n  it was too large\n{`),
  ]);

  const unclear = await cli.run(first.folder, ["dlq", "drop", "letter-"]);
  expect([unclear.code, unclear.stderr]).toEqual([2, expect.stringContaining("begins the ids of 2 dead letters")]);
  const unknown = await cli.run(first.folder, ["dlq", "requeue", "nothing"]);
  expect([unknown.code, unknown.stderr]).toEqual([6, expect.stringContaining('There is no dead letter "nothing"')]);

  const back = await cli.run(first.folder, ["dlq", "requeue", "letter-first"]);
  expect([back.code, back.stdout]).toEqual([0, "letter-first was given back to its queue.\n"]);
  const dropped = await json("dlq", "drop", "letter-second");
  expect([dropped.code, dropped.value]).toMatchObject([0, { decision: "drop", letter: { id: "letter-second" } }]);
  expect(await ids()).toEqual([]);
  expect([await messageEvents(first), await messageEvents(second)]).toEqual([
    ["message.requeued fix"],
    ["message.dropped fix"],
  ]);
});
