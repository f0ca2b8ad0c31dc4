// What the journal in a database costs, and what it holds at which moment.
import { AgentError } from "@ossaat/contracts";
import type { StreamEvent } from "@ossaat/providers";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Store } from "../../store/store.ts";
import { openTestEngine } from "../../testing/test-engine.ts";
import type { TestEngine } from "../../testing/test-engine.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import type { TurnJournal } from "../turn-journal.ts";
import { createStoreTurnJournal } from "./store-turn-journal.ts";

const key = { planId: "plan-00000000-0000-4000-8000-000000000001", stepId: "fix", turn: 1 };
const piece = (n: number): StreamEvent => ({ type: "blockDelta", blockId: "0", kind: "text", text: `word ${n} ` });
const pieces = (count: number) => Array.from({ length: count }, (_, n) => piece(n));
const usage: StreamEvent = { type: "usage", usage: { input: { total: 3 }, output: {} } };
const finish: StreamEvent = { type: "finish", reason: "stop" };

let engine: TestEngine;
let commits: number;
let isAway: boolean;
let journal: TurnJournal;
beforeEach(async () => {
  engine = await openTestEngine();
  [commits, isAway] = [0, false];
  const tx: Store["tx"] = (work) => {
    commits += 1;
    return isAway ? Promise.reject(new AgentError("unavailable", "the store is away")) : engine.store.tx(work);
  };
  journal = createStoreTurnJournal({ ...engine.store, tx });
});
afterEach(() => engine.remove());

test("pieces of an answer that come close together share a commit, and none is waited for", async () => {
  const recording = await journal.begin(key);
  const before = commits;
  for (const event of pieces(100)) await recording.add(event);
  expect(commits - before).toBe(0);
  await waitUntil("they are written", async () => (await journal.received(key))?.length === 100);
  expect([commits - before, await journal.received(key)]).toEqual([1, pieces(100)]);
  await recording.close();
  expect(commits - before).toBe(1);
});

test("what was used and the end are written when they are added, with what came before them", async () => {
  const recording = await journal.begin(key);
  const before = commits;
  const said: StreamEvent[] = [...pieces(5), usage];
  for (const event of said) await recording.add(event);
  expect([commits - before, await journal.received(key)]).toEqual([1, said]);
  const whole = [...said, piece(6), finish];
  for (const event of whole.slice(said.length)) await recording.add(event);
  expect([commits - before, await journal.delivered(key)]).toEqual([2, whole]);
  await recording.close();
});

test("what waits is written when a stream breaks off", async () => {
  const recording = await journal.begin(key);
  for (const event of pieces(3)) await recording.add(event);
  await recording.close();
  expect(await journal.received(key)).toEqual(pieces(3));
});

test("a reader that is quicker than the database is held back", async () => {
  const recording = await journal.begin(key);
  const before = commits;
  for (const event of pieces(1_200)) await recording.add(event);
  expect(commits - before).toBeGreaterThanOrEqual(1);
  await recording.close();
  expect(await journal.received(key)).toEqual(pieces(1_200));
});

test("a piece that could not be written fails the answer at its next one, and what follows is not written either", async () => {
  const recording = await journal.begin(key);
  isAway = true;
  const before = commits;
  await recording.add(piece(0));
  await waitUntil("it was tried", () => commits > before);
  isAway = false;
  await expect(recording.add(piece(1))).rejects.toThrow("the store is away");
  await expect(recording.add(finish)).rejects.toThrow("the store is away");
  await expect(recording.close()).rejects.toThrow("the store is away");
  expect(await journal.received(key)).toEqual([]);
});
