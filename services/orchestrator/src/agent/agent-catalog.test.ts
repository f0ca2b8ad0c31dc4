import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { newAgentText } from "@ossaat/agents";
import type { IndexService } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createAgentCatalog } from "./agent-catalog.ts";
import type { ListingCatalog } from "./agent-catalog.ts";

const place = { path: "/repo", commit: "c" };

let userDir: string;
let files: Record<string, string>;
let reads: string[];
let catalog: ListingCatalog;
beforeEach(() => {
  userDir = mkdtempSync(path.join(tmpdir(), "ossaat-agents-"));
  files = {};
  reads = [];
  const index: Pick<IndexService, "listPaths" | "readFile"> = {
    listPaths: () => Promise.resolve(Object.keys(files)),
    readFile: ({ path: name }) => {
      reads.push(name);
      return Promise.resolve({ text: files[name] ?? "", truncated: false });
    },
  };
  catalog = createAgentCatalog({ index, userDir });
});
afterEach(() => rmSync(userDir, { recursive: true }));

const profileText = (name: string, fields: string) =>
  `---\nname: ${name}\n${fields}\n---\n${newAgentText(name).split("---\n").at(-1) ?? ""}`;
const writeUserAgent = (name: string, fields: string) => {
  mkdirSync(path.join(userDir, name), { recursive: true });
  writeFileSync(path.join(userDir, name, "agent.md"), profileText(name, fields));
};
const roleOf = async (name: string) => (await catalog.profiles(place)).get(name)?.role;

test("a change of the user's own profiles holds at once", async () => {
  const roles = [await roleOf("auditor")];
  writeUserAgent("auditor", "role: Mine");
  roles.push(await roleOf("auditor"));
  writeUserAgent("auditor", "role: Mine, changed");
  roles.push(await roleOf("auditor"));
  rmSync(path.join(userDir, "auditor"), { recursive: true });
  roles.push(await roleOf("auditor"));
  expect(roles).toEqual([roles[0], "Mine", "Mine, changed", roles[0]]);
});

test("the repository's files are read once per commit", async () => {
  files["agents/tester/agent.md"] = profileText("tester", "role: Theirs");
  expect([await roleOf("tester"), await roleOf("tester"), reads]).toEqual([
    "Theirs",
    "Theirs",
    ["agents/tester/agent.md"],
  ]);
  await catalog.profiles({ ...place, commit: "d" });
  expect(reads).toHaveLength(2);
});

test("a capability that a repository cannot grant is left out with a notice; the repository stays usable", async () => {
  files["agents/releaser/agent.md"] = profileText("releaser", "capabilities: [test.run, release.publish]");
  expect((await catalog.profiles(place)).get("releaser")?.capabilities).toEqual(["test.run"]);
  expect((await catalog.list(place)).problems).toEqual([
    {
      path: "agents/releaser/agent.md",
      line: 3,
      level: "notice",
      message: expect.stringContaining('"release.publish" was left out') as string,
    },
  ]);
});

test("a file that is not valid stays an error", async () => {
  files["agents/tester/agent.md"] = profileText("tester", "rolle: x");
  await expect(catalog.profiles(place)).rejects.toMatchObject({
    code: "invalid_input",
    message: expect.stringContaining("agents/tester/agent.md:3") as string,
  });
  expect((await catalog.list(place)).problems).toMatchObject([{ path: "agents/tester/agent.md", line: 3 }]);
});
