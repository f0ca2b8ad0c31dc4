import { expect, it } from "vitest";

import { boxArguments, processLimits } from "./box-arguments.ts";
import type { BoxBase } from "./box-arguments.ts";
import { defaultSandboxLimits } from "./limits.ts";
import type { SandboxRequest } from "./sandbox.ts";

const base: BoxBase = {
  binds: [
    { source: "/usr", target: "/usr" },
    { source: "/home/u/.pyenv", target: "/home/u/.pyenv" },
  ],
  links: [{ target: "usr/bin", path: "/bin" }],
  path: "/usr/bin",
  env: {},
  emptyFile: "/state/empty",
};

function request(checkout: string): SandboxRequest {
  const mounts = {
    binds: [{ source: `${checkout}/node_modules`, target: "/deps/node_modules" }],
    links: [{ target: "/workspace/src", path: "/deps/src" }],
    hidden: ["/deps/node_modules/secret"],
    path: ["/deps/node_modules/.bin"],
    env: { ONE: "1" },
    checkout,
  };
  const run = { argv: ["true"], cwd: ".", workspaceDir: "/state/w", env: {}, limits: defaultSandboxLimits };
  return { ...run, mounts, onOutput: () => undefined };
}

/** The argv as text, options and their values separated by one space. */
function argumentsFor(checkout: string): string {
  return boxArguments(base, request(checkout), { identity: "mapped", statusFd: 4 }).join(" ");
}

it("mounts what one run may read before the workspace, and nothing below the workspace", () => {
  const text = argumentsFor("/home/u/app");
  const order = [
    "--dir /deps ",
    "--ro-bind /home/u/app/node_modules /deps/node_modules ",
    "--symlink /workspace/src /deps/src ",
    "--symlink /workspace /home/u/app ",
    "--ro-bind /state/empty /deps/node_modules/secret ",
    "--bind /state/w /workspace ",
    "--setenv PATH /deps/node_modules/.bin:/usr/bin ",
    "--setenv ONE 1 ",
  ];
  const places = order.map((part) => text.indexOf(part));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(text).not.toMatch(/ \/workspace\/\S+ --(?:ro-)?bind/u);
});

it.each([
  "/",
  "/home",
  "/home/u",
  "/usr/src/app",
  "/bin",
  "/workspace/app",
  "/deps",
  "/proc/app",
  "/tmp",
  "/home/agent",
])("gives the workspace no second name at %s, where something is mounted", (checkout) => {
  expect(argumentsFor(checkout)).not.toContain("--symlink /workspace /");
});

it.each(["/srv/app", "/tmp/app", "/home/agent/app", "/home/u/code/app"])("names the workspace %s, too", (checkout) => {
  expect(argumentsFor(checkout)).toContain(`--symlink /workspace ${checkout} `);
});

it("bounds a process by its own memory where no control group does, never by address space", () => {
  const always = ["--nofile=4096", "--fsize=1073741824", "--core=0"];
  expect(processLimits(request("/a"), true)).toEqual(always);
  expect(processLimits(request("/a"), false)).toEqual([...always, "--nproc=512", "--data=4294967296"]);
  const small = { ...request("/a"), limits: { ...defaultSandboxLimits, memoryBytes: 1 } };
  expect(processLimits(small, false).at(-1)).toBe("--data=1073741824");
});
