import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { requirePrivateFolder } from "./make-folder.ts";

let folder: string;
let state: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-folder-"));
  state = path.join(folder, "state");
  mkdirSync(state);
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = () => (statSync(state).mode & 0o777).toString(8);

test("leaves a private folder as it is", () => {
  chmodSync(state, 0o700);
  expect([requirePrivateFolder(state), modeOf()]).toEqual([undefined, "700"]);
});

test.each([[[]], [["ossaat.db", "notes.txt"]]])("closes an open folder that holds %j, and says so", (names) => {
  chmodSync(state, 0o777);
  for (const name of names) writeFileSync(path.join(state, name), "");
  const mended = `The state folder ${state} was open to other users (777); it is closed to them now (700).`;
  expect([requirePrivateFolder(state), modeOf()]).toEqual([mended, "700"]);
});

test("refuses an open folder that holds other things, and leaves it as it is", () => {
  chmodSync(state, 0o755);
  writeFileSync(path.join(state, "notes.txt"), "");
  expect(() => requirePrivateFolder(state)).toThrow("is open to other users and holds other things.");
  expect(modeOf()).toBe("755");
});

test("refuses a folder of another user, but for root", () => {
  chmodSync(state, 0o700);
  expect(() => requirePrivateFolder(state, statSync(state).uid + 1)).toThrow("belongs to another user");
  expect(requirePrivateFolder(state, 0)).toBeUndefined();
});
