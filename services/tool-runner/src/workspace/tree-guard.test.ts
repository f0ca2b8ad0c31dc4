import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";

import { afterEach, beforeEach, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { measureTree } from "./measure-tree.ts";
import { TreeGuards } from "./tree-guard.ts";

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
  mkdirSync(dir.at("tree/deep"), { recursive: true });
  mkdirSync(dir.at("outside"));
});
afterEach(() => dir.remove());

const wide = { bytes: 1024 ** 3, entries: 1_000 };
const kibibytes = (count: number) => Buffer.alloc(count * 1024, "x");

it("counts blocks and entries, a file of two names once, and nothing behind a link", async () => {
  writeFileSync(dir.at("tree/deep/a"), kibibytes(64));
  linkSync(dir.at("tree/deep/a"), dir.at("tree/b"));
  writeFileSync(dir.at("outside/large"), kibibytes(1_024));
  symlinkSync(dir.at("outside"), dir.at("tree/link"));
  const { bytes, entries } = await measureTree([dir.at("tree"), dir.at("none")], wide);
  expect([entries, bytes >= 64 * 1024, bytes < 512 * 1024]).toEqual([4, true, true]);
});

it("ends the count where a bound is passed", async () => {
  for (let file = 0; file < 50; file += 1) writeFileSync(dir.at(`tree/${file}`), "");
  expect((await measureTree([dir.at("tree")], { ...wide, entries: 10 })).entries).toBe(11);
});

it("tells what is too large before, during and after a run", async () => {
  const guards = new TreeGuards();
  const max = { bytes: 1024 * 1024, entries: 20 };
  const roots: [string] = [dir.at("tree")];
  expect(await guards.check(roots, max)).toBeUndefined();
  const quiet = guards.watch(roots, max);
  expect(await quiet.finish()).toBeUndefined();
  const guard = guards.watch(roots, max);
  writeFileSync(dir.at("tree/large"), kibibytes(4 * 1024));
  expect(await guard.exceeded).toBe("disk");
  expect(await guard.finish()).toBe("disk");
  expect(await guards.check(roots, max)).toBe("disk");
  guards.forget(roots[0]);
  expect(await guards.check(roots, { ...max, bytes: wide.bytes })).toBeUndefined();
});

it("finds what a run left that nobody saw while it ran", async () => {
  const guards = new TreeGuards();
  const max = { ...wide, entries: 20 };
  const roots: [string] = [dir.at("tree")];
  await guards.check(roots, max);
  const guard = guards.watch(roots, max);
  for (let file = 0; file < 50; file += 1) writeFileSync(dir.at(`tree/${file}`), "");
  expect(await guard.finish()).toBe("files");
});

it("finds what a run left while others freed as much", async () => {
  const guards = new TreeGuards();
  const max = { bytes: 4 * 1024 * 1024, entries: 100 };
  const roots: [string] = [dir.at("tree")];
  writeFileSync(dir.at("outside/large"), kibibytes(16 * 1024));
  await guards.check(roots, max);
  const guard = guards.watch(roots, max);
  rmSync(dir.at("outside/large"));
  writeFileSync(dir.at("tree/large"), kibibytes(16 * 1024));
  expect(await guard.finish()).toBe("disk");
});
