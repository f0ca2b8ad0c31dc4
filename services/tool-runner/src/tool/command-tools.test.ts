import { expect, it } from "vitest";

import { openRunner } from "../testing/open-runner.ts";

it("says when nothing tells how a project is tested", async () => {
  const open = await openRunner({ "notes.txt": "nothing to test\n" });
  try {
    const outcome = await open.call("run_tests", {});
    expect(outcome.output?.tests).toEqual({ runner: "none", status: "no_tests", failures: [] });
    expect(outcome.output?.changedPaths).toEqual([]);
  } finally {
    await open.close();
  }
});
