import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { describeTurnJournal } from "../turn-journal.contract.ts";
import { createFileTurnJournal } from "./file-turn-journal.ts";

const root = mkdtempSync(path.join(tmpdir(), "ossaat-journal-"));
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

function nextFolder(): string {
  count += 1;
  return path.join(root, String(count));
}

describeTurnJournal(() => {
  const folder = nextFolder();
  return { journal: createFileTurnJournal(folder), reopen: () => createFileTurnJournal(folder) };
});

test("a record cut in the middle of a line is no turn, and files are the owner's", async () => {
  const folder = nextFolder();
  const key = { planId: "plan-00000001", stepId: "fix", turn: 1 };
  const journal = createFileTurnJournal(folder);
  const recording = await journal.begin(key);
  await recording.add({ type: "finish", reason: "stop" });
  const file = path.join(folder, key.planId, "fix.1.jsonl");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  appendFileSync(file, '{"type":"fin');
  expect(await journal.delivered(key)).toBeUndefined();
  await recording.close();
});
