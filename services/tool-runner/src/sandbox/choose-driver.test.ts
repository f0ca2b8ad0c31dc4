import { chmodSync, writeFileSync } from "node:fs";

import { afterEach, beforeEach, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { chooseDriver } from "./choose-driver.ts";
import { findProgram } from "./find-program.ts";

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
});
afterEach(() => dir.remove());

type Driver = "bubblewrap" | "container";
const choose = (setting: "auto" | Driver, working: readonly Driver[] = []) =>
  chooseDriver(setting, {
    host: { path: dir.path, home: "", execPath: "" },
    works: (driver) => Promise.resolve(working.includes(driver)),
  });

function install(name: string): void {
  writeFileSync(dir.at(name), "");
  chmodSync(dir.at(name), 0o755);
}

it("takes what a setting names, whatever is installed", async () => {
  expect([await choose("bubblewrap"), await choose("container")]).toEqual(["bubblewrap", "container"]);
});

// Programs of the system's own folders are found, too: there the machine decides.
const has = async (name: string) => (await findProgram(dir.path, name)) !== undefined;

it("takes bubblewrap where no engine is, and a container where no bubblewrap is, without a trial", async () => {
  const hasEngine = (await has("docker")) || (await has("podman"));
  const hasBubblewrap = await has("bwrap");
  expect(await choose("auto", ["bubblewrap"])).toBe(hasEngine && !hasBubblewrap ? "container" : "bubblewrap");
  install("podman");
  expect(await choose("auto", ["bubblewrap"])).toBe(hasBubblewrap ? "bubblewrap" : "container");
});

it("takes a container in place of a bubblewrap that does not work, when that does", async () => {
  install("podman");
  install("bwrap");
  expect([
    await choose("auto", ["bubblewrap", "container"]),
    await choose("auto", ["container"]),
    await choose("auto", []),
  ]).toEqual(["bubblewrap", "container", "bubblewrap"]);
});
