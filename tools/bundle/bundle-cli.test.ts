// A bundle of a small clone with the real start: whatever changes in the clone, the bundle does not
// answer for it.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { bundleCli, currentBuild } from "./bundle-cli.ts";

const repository = path.resolve(import.meta.dirname, "../..");

/** Tells whether it runs as a bundle, the value of another module, and what it was asked. */
const program = `import { value } from "./value.ts";
import { other } from "@ossaat/other";
export async function runMain() {
  const how = typeof __filename === "string" ? "bundle" : "sources";
  if (process.argv[2] === "serve") await import("./serve.ts");
  const late = process.argv[2] === "late" ? [(await import("./late.ts")).late] : [];
  console.log([how, value, other, ...process.argv.slice(2), ...late].join(" "));
}
`;

/** Tells the same of the server, with the address that it finds its own files by. */
const serverProgram = `import { value } from "./value.ts";
import { serve } from "@ossaat/orchestrator";
serve();
const how = typeof __filename === "string" ? "bundle" : "sources";
const here = import.meta.dirname === process.argv[2] && import.meta.url.endsWith("/server-main.ts");
console.log([how, value, here ? "at its place" : "lost"].join(" "));
`;

let folder: string;
let clone: string;

function put(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(clone, name)), { recursive: true });
  writeFileSync(path.join(clone, name), text);
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-bundle-"));
  clone = path.join(folder, "clone");
  put("pnpm-lock.yaml", "lock: 1\n");
  put("node_modules/.modules.yaml", "modules: 1\n");
  put("apps/cli/package.json", '{ "type": "module" }\n');
  put("apps/cli/src/version.ts", 'export const version = "1.0.0";\n');
  put("apps/cli/src/value.ts", 'export const value: string = "one";\n');
  put("apps/cli/src/run-main.ts", program);
  put("apps/cli/src/serve.ts", 'import { serve } from "@ossaat/orchestrator";\nserve();\n');
  put("apps/cli/src/late.ts", 'export const late: string = "early";\n');
  put("apps/cli/src/main.ts", 'import { runMain } from "./run-main.ts";\nawait runMain();\n');
  put("apps/cli/src/server-main.ts", serverProgram);
  const manifest = (name: string) => `{ "name": "${name}", "type": "module", "exports": "./index.ts" }\n`;
  put("packages/other/package.json", manifest("@ossaat/other"));
  put("packages/other/index.ts", 'export const other: string = "first";\n');
  put("services/orchestrator/package.json", manifest("@ossaat/orchestrator"));
  put("services/orchestrator/index.ts", 'export const serve = () => console.log("serving");\n');
  for (const [name, place] of [
    ["other", "packages/other"],
    ["orchestrator", "services/orchestrator"],
  ]) {
    mkdirSync(path.join(clone, "apps/cli/node_modules/@ossaat"), { recursive: true });
    spawnSync("ln", [
      "-s",
      path.join(clone, place ?? ""),
      path.join(clone, "apps/cli/node_modules/@ossaat", name ?? ""),
    ]);
  }
  cpSync(path.join(repository, "apps/cli/src/bundle"), path.join(clone, "apps/cli/src/bundle"), { recursive: true });
  await build();
});

afterEach(() => rmSync(folder, { recursive: true }));

const builds = () => path.join(clone, ".tools/cli");
const build = () => bundleCli(clone, builds());

function run(name: string, ...words: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(builds(), name), ...words], { encoding: "utf8" });
  return `${stdout}${stderr}`.trim();
}

const ossaat = (...words: string[]) => run("start.cjs", ...words);
const server = () => run("server.cjs", path.join(clone, "apps/cli/src"));

test("runs while every source is as it was", () => {
  expect(ossaat("runs", "-a")).toBe("bundle one first runs -a");
  expect(ossaat("--version")).toBe("1.0.0");
});

test("never runs after a source changed, even when size and time look the same and it changed back", async () => {
  const file = path.join(clone, "apps/cli/src/value.ts");
  const { atime, mtime } = statSync(file);
  put("apps/cli/src/value.ts", 'export const value: string = "two";\n');
  utimesSync(file, atime, mtime);
  expect(ossaat()).toBe("sources two first");
  put("apps/cli/src/value.ts", 'export const value: string = "one";\n');
  utimesSync(file, atime, mtime);
  expect(ossaat()).toBe("sources one first");
  await build();
  expect(ossaat()).toBe("bundle one first");
});

test.each(["pnpm-lock.yaml", "node_modules/.modules.yaml", "packages/other/package.json", "apps/cli/package.json"])(
  "never runs after %s was written, which decides where imports lead to",
  (name) => {
    put(name, readFileSync(path.join(clone, name), "utf8"));
    expect(ossaat()).toBe("sources one first");
  },
);

test("never tells an old version, nor runs an old start", () => {
  put("apps/cli/src/version.ts", 'export const version = "2.0.0";\n');
  expect(ossaat("--version")).toBe("sources one first --version");
});

test("a part that is loaded later never runs after a source of it changed; what needs none of it does", async () => {
  expect(ossaat("late", "-x")).toBe("bundle one first late -x early");
  put("apps/cli/src/late.ts", 'export const late: string = "changed";\n');
  expect(ossaat("late", "-x")).toBe("sources one first late -x changed");
  expect(ossaat("runs")).toBe("bundle one first runs");
  await build();
  expect(ossaat("late")).toBe("bundle one first late changed");
});

test("never runs where the clone was moved to or copied to", () => {
  const moved = path.join(folder, "moved");
  renameSync(clone, moved);
  clone = moved;
  put("apps/cli/node_modules/@ossaat/keep", "");
  rmSync(path.join(clone, "apps/cli/node_modules/@ossaat"), { recursive: true });
  put("apps/cli/src/run-main.ts", 'export async function runMain() { console.log("moved"); }\n');
  expect(ossaat()).toBe("moved");
});

test("leaves the sources to themselves when its manifest is gone or is none", () => {
  const manifest = path.join(currentBuild(builds()) ?? "", "manifest.json");
  writeFileSync(manifest, "{");
  expect(ossaat()).toBe("sources one first");
  rmSync(manifest);
  expect(ossaat()).toBe("sources one first");
});

test("the server runs while every source is as it was, with its files at their place", async () => {
  expect(server()).toBe("serving\nbundle one at its place");
  put("services/orchestrator/index.ts", 'export const serve = () => console.log("changed");\n');
  expect(server()).toBe("changed\nsources one at its place");
  expect(ossaat("runs")).toBe("bundle one first runs");
  await build();
  expect(server()).toBe("changed\nbundle one at its place");
  rmSync(path.join(currentBuild(builds()) ?? "", "server-manifest.json"));
  expect(server()).toBe("changed\nsources one at its place");
});

test("the CLI's bundle holds no part of the server: what needs one runs from the sources, whole", () => {
  expect(ossaat("serve")).toBe("serving\nsources one first serve");
  expect(ossaat("up")).toBe("sources one first up");
});

test("a failed build leaves the one before, and old builds are removed but for the last three", async () => {
  put("apps/cli/src/value.ts", "export const value: string = ;\n");
  await expect(build()).rejects.toThrow("value.ts");
  put("apps/cli/src/value.ts", 'export const value: string = "one";\n');
  const first = currentBuild(builds()) ?? "";
  for (let n = 0; n < 4; n += 1) await build();
  expect(ossaat()).toBe("bundle one first");
  expect(existsSync(first)).toBe(false);
  expect(readdirSync(builds(), { withFileTypes: true }).filter((found) => found.isDirectory())).toHaveLength(3);
});
