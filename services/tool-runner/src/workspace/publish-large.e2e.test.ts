import { randomBytes } from "node:crypto";

import { expect, it } from "vitest";

import { testPlanId as planId } from "../testing/open-runner.ts";
import { useWorkspaces } from "../testing/use-workspaces.ts";

const at = useWorkspaces();

it("publishes more than fits into one answer of git", async () => {
  const work = await at.open("large");
  const mebibyte = 1024 * 1024;
  for (const part of [0, 1, 2]) work.write(`part-${part}.bin`, randomBytes(23 * mebibyte));
  const { commit } = await at.commit("large");
  const branch = "ossaat/large";
  expect(await at.service.publish({ planId, repositoryPath: at.repository.root, branch, commit })).toEqual({
    branch,
    commit,
  });
  const size = at.repository.git("cat-file", "-s", `${branch}:part-2.bin`);
  expect(size).toBe(String(23 * mebibyte));
}, 120_000);
