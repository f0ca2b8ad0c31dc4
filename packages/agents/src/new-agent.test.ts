import { expect, test } from "vitest";

import { loadAgents } from "./load-agents.ts";
import { agentPath, newAgentText } from "./new-agent.ts";

test("a new profile loads as it is", async () => {
  const name = "docs-writer";
  const { profiles, problems } = await loadAgents({
    repositoryFiles: [{ path: agentPath(name), text: newAgentText(name) }],
  });
  expect(problems).toEqual([]);
  expect(profiles.get(name)).toMatchObject({ name, capabilities: ["repo.read"], source: "repository" });
});

test.each(["", "Docs", "a b", "../x", "a".repeat(65)])("the name %j is refused", (name) => {
  expect(() => newAgentText(name)).toThrow("lower-case letters, digits and -");
});
