// A command that never ends, ignores signals and detaches, at its time limit and when it is cancelled.
import { killMarked, markedSleep, survivors } from "../testing/marked-sleep.ts";
import { makeInvocation } from "../testing/open-runner.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const endlessRun: RunnerAttack = {
  id: "endless-run",
  title: "run on after the time limit or a cancel",
  stride: "D",
  layer: "limit",
  against: "box",
  async attempt(target) {
    const { seconds, mark } = markedSleep();
    const argv = [
      "/usr/bin/python3",
      "-c",
      `import os; os.system("(trap '' TERM; setsid setsid sleep ${seconds} &) ; setsid sleep ${seconds} & sleep ${seconds}")`,
    ];
    const timed = await target.call("run_command", { argv, timeoutSeconds: 1 });
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), 700);
    const cancelled = await target.send(makeInvocation("run_command", { argv }), abort.signal);
    clearTimeout(timer);
    const left = await survivors(mark);
    await killMarked(mark);
    return { ends: [timed.output?.commands?.[0]?.timedOut, cancelled.code], left: left.length };
  },
  blocked: () => ({ ends: [true, "cancelled"], left: 0 }),
  audit: () => [["limit", "time"]],
  planted: { gives: () => ({ ends: [true, "cancelled"], left: 4 }) },
};
