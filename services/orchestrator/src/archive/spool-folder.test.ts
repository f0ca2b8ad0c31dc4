import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { openSpoolFolder } from "./spool-folder.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-spools-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("is made for its owner alone, and empty at every start", () => {
  const dir = path.join(folder, "named", "spool");
  expect(openSpoolFolder({ dir, name: "1" })).toBe(dir);
  const archives = path.join(dir, "archives");
  expect(statSync(archives).mode & 0o777).toBe(0o700);
  mkdirSync(path.join(archives, "left"));
  writeFileSync(path.join(archives, "left", "archive.tar"), "x");
  openSpoolFolder({ dir, name: "1" });
  expect(existsSync(path.join(archives, "left"))).toBe(false);
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
