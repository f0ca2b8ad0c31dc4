import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { openSpoolFolder, spoolEntry } from "./spool-folder.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-spools-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("keeps what another living process has in it", () => {
  const dir = path.join(folder, "both");
  openSpoolFolder({ dir, name: "1" });
  const theirs = path.join(dir, "archives", `${process.ppid}-archive`);
  mkdirSync(theirs);
  openSpoolFolder({ dir, name: "1" });
  expect(existsSync(theirs)).toBe(true);
});

test("is made for its owner alone, and without what is left of dead processes", () => {
  const dir = path.join(folder, "named", "spool");
  expect(openSpoolFolder({ dir, name: "1" })).toBe(dir);
  const archives = path.join(dir, "archives");
  expect(statSync(archives).mode & 0o777).toBe(0o700);
  const { pid: dead } = spawnSync(process.execPath, ["-e", ""]);
  const left = [path.join(archives, "left"), path.join(archives, `${dead}-left`), spoolEntry(dir)];
  for (const each of left) {
    mkdirSync(each);
    writeFileSync(path.join(each, "archive.tar"), "x");
  }
  openSpoolFolder({ dir, name: "1" });
  expect(readdirSync(archives)).toEqual([]);
});

test("below the temporary folder is one of its own name, and one that is not its own is refused", () => {
  const name = path.basename(folder);
  const made = openSpoolFolder({ name });
  expect([path.dirname(made), statSync(made).mode & 0o777]).toEqual([tmpdir(), 0o700]);
  rmSync(made, { recursive: true });
  mkdirSync(path.join(folder, "elsewhere"));
  symlinkSync(path.join(folder, "elsewhere"), made);
  expect(() => openSpoolFolder({ name })).toThrow(expect.objectContaining({ code: "unavailable" }));
  rmSync(made);
  mkdirSync(made, { mode: 0o755 });
  expect(() => openSpoolFolder({ name })).toThrow(expect.objectContaining({ code: "unavailable" }));
  rmSync(made, { recursive: true });
});
