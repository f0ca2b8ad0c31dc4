// `ossaat queue` and `ossaat dlq` from outside: what a person sees of dead letters, and what they do about them.
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makePlace } from "./testing/example-worlds.ts";
import type { ExamplePlace } from "./testing/example-worlds.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";

let cli: Cli;
let first: ExamplePlace;
let second: ExamplePlace;
let third: ExamplePlace;
let fourth: ExamplePlace;
let places: ExamplePlace[];
beforeAll(async () => {
  cli = await createCli({ OSSAAT_MODEL: "scripted:replies.json" });
  first = await makePlace(cli, "buried", "first");
  second = await makePlace(cli, "buried", "second");
  third = await makePlace(cli, "buried", "third");
  fourth = await makePlace(cli, "buried", "fourth");
  places = [first, second, third, fourth];
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

const decide = (...args: string[]) => cli.run(first.folder, ["dlq", ...args]);
const letterOf = ({ letterId = "" }: ExamplePlace) => letterId;

test("dead letters are counted, listed and shown; a name that is wrong or unclear ends none", async () => {
  const status = await json("queue", "status");
  expect([status.code, status.value]).toEqual([
    0,
    {
      schemaVersion: 1,
      health: { ok: true, blocked: false, detail: "outbox table" },
      waiting: 0,
      pools: [{ pool: "default", depth: 0, deadLetters: 4 }],
      workers: [],
    },
  ]);
  expect((await ids()).toSorted()).toEqual(places.map(letterOf).toSorted());

  const shown = await decide("show", letterOf(first).slice(0, 12));
  expect([shown.code, shown.stdout]).toEqual([
    0,
    expect.stringContaining(`${letterOf(first)}  default  ${first.planId ?? ""} fix, attempt 1\n  it was too large\n{`),
  ]);

  const unclear = await decide("drop", "");
  expect([unclear.code, unclear.stderr]).toEqual([2, expect.any(String)]);
  const unknown = await decide("requeue", letterOf(first), "nothing");
  expect([unknown.code, unknown.stderr]).toEqual([6, expect.stringContaining('There is no dead letter "nothing"')]);
  expect((await ids()).length).toBe(4);
});

test("a list that stops at its limit says so and how to see the rest; filters narrow it", async () => {
  const cut = await decide("list", "--limit", "1");
  expect([cut.code, cut.stdout.split("\n").length, cut.stderr]).toEqual([
    0,
    3,
    expect.stringMatching(/There are more than these 1 dead letter.*`ossaat dlq list --limit 10000`/u),
  ]);
  expect((await json("dlq", "list", "--limit", "1")).value).toMatchObject({ hasMore: true });
  expect((await json("dlq", "list", "--plan", first.planId ?? "")).value).toMatchObject({
    hasMore: false,
    letters: [{ id: letterOf(first) }],
  });
  expect((await json("dlq", "list", "--reason", "TOO large")).value.letters.length).toBe(4);
  const none = await decide("list", "--reason", "nobody");
  expect([none.code, none.stderr]).toEqual([0, expect.stringContaining("No dead letter fits.")]);
  const wrong = await decide("list", "--limit", "0");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--limit takes 1 to 10000")]);
});

test("it must be said which ones, and forgetting all of them needs an answer", async () => {
  for (const [words, told] of [
    [["requeue"], "Name some, or give --all."],
    [["requeue", "--plan", first.planId ?? ""], "choose among --all"],
    [["drop", letterOf(first), "--all"], "not both"],
    [["drop", "--all"], "Nobody is here to ask: Forget all dead letters?"],
  ] as const) {
    const refused = await decide(...words);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(told)]);
  }
  expect((await ids()).length).toBe(4);
});

test("one, some, those of a plan and all are given back or dropped", async () => {
  const back = await decide("requeue", letterOf(first));
  expect([back.code, back.stdout]).toEqual([0, `${letterOf(first)} was given back to its queue.\n`]);
  const dropped = await json("dlq", "drop", letterOf(second).slice(0, 13));
  expect([dropped.code, dropped.value]).toMatchObject([
    0,
    { decision: "drop", hasMore: false, letters: [{ id: letterOf(second) }] },
  ]);
  expect(await decide("requeue", "--all", "--plan", first.planId ?? "")).toMatchObject({ code: 0, stdout: "" });
  const ofPlan = await decide("drop", "--all", "--yes", "--plan", third.planId ?? "");
  expect([ofPlan.code, ofPlan.stdout]).toEqual([0, `${letterOf(third)} is forgotten.\n`]);
  const all = await json("dlq", "requeue", "--all", "--reason", "too large");
  expect(all.value).toMatchObject({ decision: "requeue", letters: [{ id: letterOf(fourth) }] });
  expect(await ids()).toEqual([]);
  const events = await Promise.all(places.map(messageEvents));
  expect(events).toEqual([
    ["message.requeued fix"],
    ["message.dropped fix"],
    ["message.dropped fix"],
    ["message.requeued fix"],
  ]);
});

/** The same letter many times, oldest first, and what else is to be changed in the database; the server is stopped for it. */
async function buryMany(count: number, change: string): Promise<string[]> {
  await cli.run(first.folder, ["down"]);
  const ids = Array.from({ length: count }, (_, n) => `many-${String(n).padStart(5, "0")}`);
  const [tenantId, pool] = ["local", "default"];
  const names = { tenantId, planId: first.planId, stepId: "fix", attempt: 1, pool, kind: "agent", enqueuedAt: 1 };
  const database = new DatabaseSync(path.join(cli.stateDir, "ossaat.db"));
  database.exec(change);
  database.exec("begin");
  const insert = database.prepare(
    "insert into dead_letter (id, tenant_id, pool, reason, message, at) values (?, ?, ?, ?, ?, ?)",
  );
  for (const [n, id] of ids.entries()) {
    const message = JSON.stringify({ messageId: id, dedupeId: id, ...names });
    insert.run(id, tenantId, pool, "nobody took it", message, n);
  }
  database.exec("commit");
  database.close();
  return ids;
}

test("when it fails after some, those that ended are told", async () => {
  const buried = await buryMany(
    120,
    "create trigger stuck before delete on dead_letter when old.id = 'many-00060' begin select raise(abort, 'no'); end",
  );
  const failing = async (...words: string[]) => {
    const { code, value } = await json("dlq", ...words);
    return [code, value.error.code, value.error.details.ended];
  };
  expect(await failing("requeue", ...buried.slice(0, 61))).toEqual([1, "internal", buried.slice(0, 50)]);
  expect(await ids()).toEqual(buried.slice(50));
  const others = [...buried.slice(61), ...buried.slice(50, 61)];
  expect(await failing("drop", ...others)).toEqual([1, "internal", others.slice(0, 50)]);
  await buryMany(0, "drop trigger stuck");
  expect((await json("dlq", "drop", ...buried.slice(50, 61))).value.letters.length).toBe(11);
  expect((await json("dlq", "drop", "--all", "--yes")).value.letters.length).toBe(9);
});

test("all are those that are there at first: letters that die again at once end no command twice, and are told", async () => {
  // As if what they died of still stood.
  const dieAgain = `create trigger again after insert on outbox when new.id like 'many-%' begin
    insert into dead_letter (id, tenant_id, pool, reason, message, at)
      values (new.id, new.tenant_id, new.pool, 'nobody took it', new.envelope_json, cast(unixepoch('subsec') * 1000 as integer));
    delete from outbox where id = new.id;
  end`;
  const buried = await buryMany(2_010, dieAgain);
  const all = await decide("requeue", "--all");
  expect([all.code, all.stdout.trimEnd().split("\n")]).toEqual([
    0,
    buried.map((id) => `${id} was given back to its queue.`),
  ]);
  expect(all.stderr).toContain("2000 dead letters came since. Next: `ossaat dlq list`");
  const again = await json("dlq", "requeue", "--all");
  expect([again.code, again.value.letters.length, again.value.newer]).toEqual([0, 2_010, 2_000]);
  await buryMany(0, "drop trigger again");
  const dropped = await json("dlq", "drop", "--all", "--yes");
  expect(dropped.value).toMatchObject({ letters: { length: 2_010 }, newer: 0, hasMore: false });
});
