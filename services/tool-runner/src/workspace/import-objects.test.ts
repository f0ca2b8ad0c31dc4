// Lists of borrowed object folders belong to whoever made the repository.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

import { afterEach, beforeEach, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { importObjects } from "./import-objects.ts";
import { importLimits } from "./limits.ts";

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
  mkdirSync(dir.at("target"));
});
afterEach(() => dir.remove());

const object = "0123456789abcdef0123456789abcdef012345";

/** An object folder with one object of its own that borrows from others. */
function objects(name: string, borrowed: readonly string[]): void {
  const fanOut = name.length.toString(16).padStart(2, "0");
  mkdirSync(dir.at(name, "info"), { recursive: true });
  mkdirSync(dir.at(name, fanOut), { recursive: true });
  writeFileSync(dir.at(name, fanOut, object), name);
  writeFileSync(dir.at(name, "info/alternates"), `# comment\n\n${borrowed.join("\n")}\n`);
}

const has = (fanOut: string) => existsSync(dir.at("target", fanOut, object));

it("takes the objects of every borrowed folder, relative and gone ones too", async () => {
  objects("a", [dir.at("bb"), dir.at("gone"), "../ccc"]);
  objects("bb", ["../a"]);
  objects("ccc", []);
  await importObjects(dir.at("a"), dir.at("target"));
  expect([has("01"), has("02"), has("03")]).toEqual([true, true, true]);
});

it("visits each folder once, however often and by whatever name it is listed", async () => {
  const names = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"];
  for (const [depth, name] of names.entries()) {
    const next = names[depth + 1];
    const aliases = next === undefined ? [] : [1, 2, 3, 4, 5, 6, 7, 8].map((number) => dir.at(`${next}-${number}`));
    objects(name, Array.from({ length: 100 }, () => aliases).flat());
    for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) symlinkSync(dir.at(name), dir.at(`${name}-${number}`));
  }
  // 800 lines on each of five levels: 3 * 10^14 visits without a memory of them.
  await importObjects(dir.at("a"), dir.at("target"));
  expect([has("01"), has("06")]).toEqual([true, true]);
});

it.each([
  [
    "too deep a chain",
    () =>
      ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"].map(
        (name, at, all) => [name, all.slice(at + 1, at + 2)] as const,
      ),
  ],
  [
    "too many folders",
    () => {
      const many = Array.from({ length: importLimits.maxAlternates + 1 }, (_none, at) => "x".repeat(at + 2));
      return [["a", many] as const, ...many.map((name) => [name, []] as const)];
    },
  ],
  ["too long a list", () => [["a", ["y".repeat(importLimits.maxAlternatesBytes)]] as const]],
])("refuses %s", async (_name, folders) => {
  for (const [name, borrowed] of folders())
    objects(
      name,
      borrowed.map((each) => `../${each}`),
    );
  await expect(importObjects(dir.at("a"), dir.at("target"))).rejects.toMatchObject({ code: "invalid_input" });
});

it("stops when the call is given up", async () => {
  objects("a", []);
  await expect(importObjects(dir.at("a"), dir.at("target"), AbortSignal.abort())).rejects.toThrow("aborted");
});
