// That what is looked for again and again is found by an index, on whatever database the test stands on.
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Tx } from "../store/store.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.remove());

const explain = (text: string) =>
  engine.store.tx(async (tx: Tx) => {
    const isFile = engine.store.hasOneWriter;
    // Of tables as small as these a server reads all.
    if (!isFile) await sql`set local enable_seqscan = off`.execute(tx);
    // As the sweep asks.
    const asked = isFile ? text.replace("/* hint */", "indexed by step_announced") : text;
    const { rows } = await sql.raw(`explain ${isFile ? "query plan " : ""}${asked}`).execute(tx);
    return JSON.stringify(rows);
  });

test.each([
  ["timers of a plan", "delete from timer where plan_id = 'p'", "timer_plan"],
  ["the timer of a question", "delete from timer where kind = 'approval' and ref = 'a'", "timer_ref"],
  ["the letter of an attempt", "select id from dead_letter where dedupe_id = 'p:s:1'", "dead_letter_dedupe"],
  [
    "ready steps by when they were announced",
    "select step_id from step /* hint */ where status = 'ready' and coalesce(announced_at, ready_at) <= 5 order by coalesce(announced_at, ready_at), plan_id, step_id limit 2",
    "step_announced",
  ],
  ["steps that run", "select * from step where status = 'running' and coalesce(lease_until, 0) < 5", "step_ready"],
])("%s", async (_name, text, index) => {
  expect(await explain(text)).toContain(index);
});
