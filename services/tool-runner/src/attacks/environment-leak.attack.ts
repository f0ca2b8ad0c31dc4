// Secrets in the environment of the runner, looked for in every place a box can read.
import { spawnSync } from "node:child_process";

import type { RunnerAttack } from "../testing/attack-target.ts";

const canary = "canary-7f3a91";

export const environmentLeak: RunnerAttack = {
  id: "environment-leak",
  title: "find a secret of the runner's environment",
  stride: "I",
  layer: "environment",
  against: "box",
  async attempt(target) {
    process.env["OSSAAT_CANARY"] = canary;
    try {
      return await target.py(`
import resource
texts = [json.dumps(dict(os.environ))] + [read("/proc/%s/environ" % pid) for pid in os.listdir("/proc") if pid.isdigit()]
found["leaked"] = any("${canary}" in text for text in texts)
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)`);
    } finally {
      delete process.env["OSSAAT_CANARY"];
    }
  },
  blocked: () => ({ leaked: false, core: [0, 0] }),
  audit: () => [],
  planted: {
    attempt: async () => {
      const env = { OSSAAT_CANARY: canary };
      return spawnSync("/usr/bin/env", { env, encoding: "utf8" }).stdout.includes(canary);
    },
    gives: () => true,
  },
};
