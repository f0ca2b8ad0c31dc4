// File, branch and path names that a careless command line takes for options or scripts.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { testPlanId } from "../testing/open-runner.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const names = ["--output=pwned", "-rf", "$(touch pwned)", "`touch pwned`", ";touch pwned", "--ext-diff"];
const branches = [
  "--upload-pack=touch pwned",
  "-d",
  "a\nb",
  "`touch pwned`..x",
  "x:refs/heads/main",
  "refs/heads/x",
  "a b",
  "HEAD",
];

export const optionNames: RunnerAttack = {
  id: "option-names",

  title: "smuggle options and scripts into git by names",
  stride: "E",
  layer: "git hygiene",
  against: "host",
  async attempt(target) {
    const { open } = target;
    for (const name of names) open.write(name, "x\n");
    for (const path of names) {
      await target.call("git_diff", { path });
      await target.call("git_log", { path });
    }
    await target.call("git_status", {});
    const codes: string[] = [];
    for (const branch of branches) {
      const place = { planId: testPlanId, repositoryPath: open.repository.root };
      const refused = await open.runner.workspaces.publish({ ...place, branch, commit: open.repository.base }).then(
        () => "published",
        (error: unknown) => AgentError.from(error).code,
      );
      codes.push(refused);
    }
    const refs = open.repository.git("for-each-ref", "--format=%(refname)");
    return { pwned: existsSync(join(open.tree, "pwned")), codes: [...new Set(codes)], refs };
  },
  blocked: () => ({ pwned: false, codes: ["invalid_input"], refs: "refs/heads/main" }),
  audit: () => [],
  planted: {
    async attempt({ open }) {
      spawnSync("sh", ["-c", `cd '${open.repository.root}' && git diff ${names[0]}`], {
        env: { PATH: "/usr/bin:/bin" },
      });
      return { pwned: existsSync(join(open.repository.root, "pwned")) };
    },
    gives: () => ({ pwned: true }),
  },
};
