import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import { findToolchains } from "./toolchains.ts";

const boxHome = "/home/agent";
const dir = makeTempDir();
afterAll(() => dir.remove());
let count = 0;

async function toolchainsOf(...folders: string[]) {
  count += 1;
  const home = dir.at(String(count));
  mkdirSync(home);
  for (const folder of folders) mkdirSync(join(home, folder), { recursive: true });
  const found = await findToolchains({ path: "/usr/bin", home, execPath: process.execPath }, boxHome);
  const own = found.binds.filter(({ source }) => source.startsWith(home));
  const short = (text: string) => text.replace(home, "~");
  return {
    binds: own.map(({ source, target }) => `${short(source)} ${short(target)}`),
    path: found.path.filter((folder) => folder.startsWith(home)).map(short),
    env: Object.fromEntries(Object.entries(found.env).map(([name, value]) => [name, short(value)])),
  };
}

const always = { CARGO_HOME: `${boxHome}/.cargo`, CARGO_NET_OFFLINE: "true", GOPROXY: "off", GOTOOLCHAIN: "local" };

it("shows nothing of a home without toolchains", async () => {
  expect(await toolchainsOf("Documents", ".ssh", ".m2", ".cargo")).toEqual({ binds: [], path: [], env: always });
});

it("shows Maven's downloaded artifacts, not the settings beside them", async () => {
  expect(await toolchainsOf(".m2/repository/org")).toEqual({
    binds: [`~/.m2/repository ${boxHome}/.m2/repository`],
    path: [],
    env: always,
  });
});

it("shows downloaded crates also where cargo itself comes from the system", async () => {
  expect(await toolchainsOf(".cargo/registry", ".cargo/git")).toEqual({
    binds: [`~/.cargo/registry ${boxHome}/.cargo/registry`, `~/.cargo/git ${boxHome}/.cargo/git`],
    path: [],
    env: always,
  });
});

it("puts programs of rustup and SDKMAN into the PATH", async () => {
  const found = await toolchainsOf(".cargo/bin", ".rustup", ".sdkman/candidates/java/current/bin");
  expect(found.path).toEqual(["~/.cargo/bin", "~/.sdkman/candidates/java/current/bin"]);
  expect(found.env).toEqual({
    ...always,
    RUSTUP_HOME: "~/.rustup",
    JAVA_HOME: "~/.sdkman/candidates/java/current",
  });
});
