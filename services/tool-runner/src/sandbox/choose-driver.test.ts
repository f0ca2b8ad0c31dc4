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

const choose = (setting: "auto" | "bubblewrap" | "container") =>
  chooseDriver(setting, { path: dir.path, home: "", execPath: "" });

function install(name: string): void {
  writeFileSync(dir.at(name), "");
  chmodSync(dir.at(name), 0o755);
}

it("takes what a setting names, whatever is installed", async () => {
  expect([await choose("bubblewrap"), await choose("container")]).toEqual(["bubblewrap", "container"]);
});

it("takes bubblewrap where it is, else a container engine, else the one whose probe says what to install", async () => {
  // Programs of the system's own folders are found, too: there the machine decides.
  const has = async (name: string) => (await findProgram(dir.path, name)) !== undefined;
  const none = (await has("bwrap")) || !((await has("docker")) || (await has("podman"))) ? "bubblewrap" : "container";
  expect(await choose("auto")).toBe(none);
  install("podman");
  expect(await choose("auto")).toBe((await has("bwrap")) ? "bubblewrap" : "container");
  install("bwrap");
  expect(await choose("auto")).toBe("bubblewrap");
});
