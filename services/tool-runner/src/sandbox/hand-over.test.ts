import { lchownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { boxUid } from "./box-arguments.ts";
import { handOver } from "./hand-over.ts";
import { ownTreeEntries } from "./limits.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-hand-over-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function ownerOf(name: string): [number, number] {
  const { uid, gid } = lstatSync(path.join(folder, name));
  return [uid, gid];
}

const theirs: [number, number] = [boxUid, boxUid];

describe.skipIf(process.getuid?.() !== 0)("handing a tree over takes root", () => {
  test("everything becomes theirs, the folder itself and names of every kind included", async () => {
    mkdirSync(path.join(folder, "a", "b"), { recursive: true });
    const odd = Buffer.concat([Buffer.from(`${folder}/a/`), Buffer.from([0xff, 0x0a])]);
    for (const name of ["plain", "-x", "with\nline", "a/b/deep"]) writeFileSync(path.join(folder, name), "");
    writeFileSync(odd, "");
    await handOver(folder);
    for (const name of [".", "a", "a/b", "plain", "-x", "with\nline", "a/b/deep"])
      expect(ownerOf(name)).toEqual(theirs);
    expect(lstatSync(odd).uid).toBe(boxUid);
  });

  test("one entry that is not theirs is found in a tree that is", async () => {
    mkdirSync(path.join(folder, "a", "b"), { recursive: true });
    await handOver(folder);
    writeFileSync(path.join(folder, "a", "b", "new"), "");
    await handOver(folder);
    lchownSync(path.join(folder, "a"), boxUid, 0);
    await handOver(folder);
    expect(["a", "a/b/new"].map(ownerOf)).toEqual([theirs, theirs]);
  });

  test("so it is beyond the entries that are looked at here", async () => {
    for (let n = 0; n < ownTreeEntries + 10; n += 1) writeFileSync(path.join(folder, `f${n}`), "");
    await handOver(folder);
    writeFileSync(path.join(folder, "new"), "");
    await handOver(folder);
    expect([ownerOf("new"), ownerOf(`f${ownTreeEntries + 9}`)]).toEqual([theirs, theirs]);
  });

  test("a tree that is theirs may be deeper than a path can name", async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      lchownSync(".", boxUid, boxUid);
      for (let depth = 0; depth < 25; depth += 1) {
        mkdirSync("d".repeat(200));
        process.chdir("d".repeat(200));
        lchownSync(".", boxUid, boxUid);
      }
    } finally {
      process.chdir(before);
    }
    await expect(handOver(folder)).resolves.toBeUndefined();
  });

  test("links are not followed, and what is theirs keeps its change time", async () => {
    const outside = mkdtempSync(path.join(tmpdir(), "ossaat-outside-"));
    writeFileSync(path.join(outside, "file"), "");
    symlinkSync(outside, path.join(folder, "link"));
    writeFileSync(path.join(folder, "file"), "");
    await handOver(folder);
    const { ctimeMs } = lstatSync(path.join(folder, "file"));
    writeFileSync(path.join(folder, "other"), "");
    await handOver(folder);
    expect([ownerOf("link"), lstatSync(outside).uid, lstatSync(path.join(outside, "file")).uid]).toEqual([
      theirs,
      0,
      0,
    ]);
    expect(lstatSync(path.join(folder, "file")).ctimeMs).toBe(ctimeMs);
    rmSync(outside, { recursive: true });
  });

  test("a tree that is not there is an error", async () => {
    await expect(handOver(path.join(folder, "missing"))).rejects.toThrow("cannot be given");
  });
});
