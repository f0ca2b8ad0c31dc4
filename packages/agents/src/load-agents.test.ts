import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AgentCapability, ApprovalRule, toolSpecs } from "@ossaat/contracts";
import type { AgentProfile } from "@ossaat/contracts";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { builtInAgents, loadAgents } from "./load-agents.ts";
import { narrowProfile } from "./narrow-profile.ts";
import { newAgentText } from "./new-agent.ts";

let userDir: string;
beforeEach(async () => {
  userDir = await mkdtemp(join(tmpdir(), "agents-"));
});
afterEach(() => rm(userDir, { recursive: true }));

function profileText(name: string, fields: string): string {
  const body = newAgentText(name).split("---\n").at(-1) ?? "";
  return `---\nname: ${name}\n${fields}\n---\n${body}`;
}

function inRepository(name: string, fields: string) {
  return { path: `agents/${name}/agent.md`, text: profileText(name, fields) };
}

async function writeUserAgent(name: string, fields: string): Promise<void> {
  await mkdir(join(userDir, name), { recursive: true });
  await writeFile(join(userDir, name, "agent.md"), profileText(name, fields));
}

describe("the built-in agents", () => {
  test("all load, without a problem", async () => {
    const { profiles, problems } = await loadAgents();
    expect(problems).toEqual([]);
    expect([...profiles.keys()]).toEqual([...builtInAgents]);
    expect([...profiles.values()].map((profile) => profile.source)).toEqual(builtInAgents.map(() => "built-in"));
  });

  test.each([...builtInAgents])("%s may use every tool its checklist names, and knows how to end", async (name) => {
    const { profiles } = await loadAgents();
    const profile = profiles.get(name);
    const checklist = profile?.instructions.split("## Tooling checklist")[1] ?? "";
    const named = Object.entries(toolSpecs).filter(([tool]) => checklist.includes(`\`${tool}\``));
    expect(named.length).toBeGreaterThan(3);
    for (const [, spec] of named) expect(profile?.capabilities).toContain(spec.capability);
    expect(checklist).toContain(name === "planner" ? "`propose_plan`" : "`finish`");
  });

  test("every tool a profile may use is in its checklist", async () => {
    const { profiles } = await loadAgents();
    const profile = profiles.get("code-writer");
    const checklist = profile?.instructions.split("## Tooling checklist")[1] ?? "";
    const missing = Object.keys(toolSpecs).filter((tool) => !checklist.includes(`\`${tool}\``));
    expect(missing).toEqual([]);
  });

  test("only the code writer may write", async () => {
    const { profiles } = await loadAgents();
    const writers = [...profiles.values()].filter((profile) => profile.capabilities.includes("repo.write"));
    expect(writers.map((profile) => profile.name)).toEqual(["code-writer"]);
  });
});

describe("which profile holds", () => {
  test("the user's replaces the built-in one, and may widen it", async () => {
    await writeUserAgent("auditor", "role: Mine\ncapabilities: [repo.read, network.egress]");
    const { profiles, problems } = await loadAgents({ userDir });
    expect(problems).toEqual([]);
    expect(profiles.get("auditor")).toMatchObject({
      role: "Mine",
      source: "user",
      capabilities: ["repo.read", "network.egress"],
      path: join(userDir, "auditor", "agent.md"),
    });
  });

  test("the repository's replaces both, inside the user's bounds", async () => {
    await writeUserAgent(
      "auditor",
      "capabilities: [repo.read, network.egress]\napproval_policy: {network.egress: human_approval}",
    );
    const { profiles } = await loadAgents({
      userDir,
      repositoryFiles: [
        inRepository(
          "auditor",
          "role: Theirs\ncapabilities: [repo.read, repo.write, network.egress]\napproval_policy: {network.egress: auto, repo.read: human_approval}",
        ),
      ],
    });
    expect(profiles.get("auditor")).toMatchObject({
      role: "Theirs",
      source: "repository",
      capabilities: ["repo.read", "network.egress"],
      approval_policy: { "network.egress": "human_approval", "repo.read": "human_approval" },
    });
  });

  test("a repository's own agent gets at most the default capabilities, and what it asked for in vain is told", async () => {
    const { profiles, problems, notices } = await loadAgents({
      repositoryFiles: [inRepository("releaser", "capabilities:\n  - test.run\n  - release.publish")],
    });
    expect(profiles.get("releaser")?.capabilities).toEqual(["test.run"]);
    expect(problems).toEqual([]);
    expect(notices).toMatchObject([
      { path: "agents/releaser/agent.md", line: 5, message: expect.stringContaining('"release.publish"') as string },
    ]);
  });

  test("a repository cannot drop the constraints of the agent it replaces", async () => {
    const before = (await loadAgents()).profiles.get("code-writer");
    const { profiles } = await loadAgents({
      repositoryFiles: [inRepository("code-writer", "constraints: [Use tabs.]")],
    });
    expect(profiles.get("code-writer")?.constraints).toEqual([...(before?.constraints ?? []), "Use tabs."]);
  });

  test("a broken user file is reported and the built-in stays", async () => {
    await writeUserAgent("tester", "rolle: x");
    const { profiles, problems } = await loadAgents({ userDir });
    expect(profiles.get("tester")?.source).toBe("built-in");
    expect(problems).toMatchObject([{ path: join(userDir, "tester", "agent.md"), line: 3 }]);
  });

  test("a broken repository file takes its agent away: the one before could do what it forbids", async () => {
    const { profiles, problems } = await loadAgents({ repositoryFiles: [inRepository("tester", "rolle: x")] });
    expect(profiles.has("tester")).toBe(false);
    expect(problems).toMatchObject([{ path: "agents/tester/agent.md", line: 3 }]);
  });

  test("other files of the repository are not profiles", async () => {
    const text = profileText("x", "role: x");
    const paths = ["agents/agent.md", "agents/x/other.md", "agents/x/y/agent.md", "docs/agents/x/agent.md"];
    const { profiles, problems } = await loadAgents({ repositoryFiles: paths.map((path) => ({ path, text })) });
    expect([profiles.size, problems]).toEqual([builtInAgents.length, []]);
  });

  test("a repository cannot flood the list", async () => {
    const repositoryFiles = Array.from({ length: 70 }, (_, index) => inRepository(`a${index}`, "role: x"));
    const { profiles, notices } = await loadAgents({ repositoryFiles });
    expect(profiles.size).toBe(64 + builtInAgents.length);
    expect(notices).toHaveLength(6);
  });

  test("a user folder that does not exist is no user folder; stray files are passed over", async () => {
    await writeFile(join(userDir, "README.md"), "hello");
    await mkdir(join(userDir, "empty"));
    expect((await loadAgents({ userDir })).problems).toEqual([]);
    expect((await loadAgents({ userDir: join(userDir, "nope") })).problems).toEqual([]);
  });

  test("an oversized user file is rejected without being read", async () => {
    await mkdir(join(userDir, "big"));
    await writeFile(join(userDir, "big", "agent.md"), "x".repeat(100_000));
    const { problems } = await loadAgents({ userDir });
    expect(problems).toMatchObject([{ message: "The file is larger than 64 KiB." }]);
  });
});

test("narrowing never widens, whatever both profiles say", () => {
  const capabilities = fc.uniqueArray(fc.constantFrom(...AgentCapability.options));
  const rules = fc.dictionary(fc.constantFrom(...AgentCapability.options), fc.constantFrom(...ApprovalRule.options));
  const profile = fc
    .record({ capabilities, approval_policy: rules })
    .map((fields) => ({ name: "x", constraints: ["c"], ...fields }) as unknown as AgentProfile);
  const strictness = { auto: 0, undefined: 0.5, human_approval: 1, deny: 2 };
  fc.assert(
    fc.property(profile, profile, (asked, base) => {
      const narrowed = narrowProfile(asked, base).profile;
      for (const capability of AgentCapability.options) {
        if (narrowed.capabilities.includes(capability)) {
          expect(base.capabilities).toContain(capability);
          expect(asked.capabilities).toContain(capability);
        }
        const [before, wanted, after] = [base, asked, narrowed].map(
          ({ approval_policy: policy }) => policy[capability],
        );
        expect(strictness[after ?? "undefined"]).toBeGreaterThanOrEqual(strictness[before ?? "undefined"]);
        if (wanted !== undefined) expect(strictness[after ?? "undefined"]).toBeGreaterThanOrEqual(strictness[wanted]);
      }
      expect(narrowProfile(narrowed, base).profile).toEqual(narrowed);
    }),
  );
});
