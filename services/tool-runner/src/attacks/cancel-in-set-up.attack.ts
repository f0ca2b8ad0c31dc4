// A cancel at any moment of the making of a box, when nobody may know its processes yet.
import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import { makeInvocation } from "../testing/open-runner.ts";
import { runIn } from "../testing/run-in.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const cancelInSetUp: RunnerAttack = {
  id: "cancel-in-set-up",
  title: "escape into the gap between making a box and knowing it",
  stride: "D",
  layer: "namespace",
  against: "box",
  async attempt(target) {
    const { seconds, mark } = markedSleep();
    const ends = new Set<string>();
    for (let delay = 0; delay < 360; delay += 15) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), delay);
      const options = { signal: abort.signal };
      const run = runIn(target.sandbox, target.open.tree, ["sleep", seconds], options);
      ends.add(
        await run.then(
          ({ cancelled }) => (cancelled ? "cancelled" : "ran"),
          (error: { code: string }) => error.code,
        ),
      );
      clearTimeout(timer);
    }
    await target.send(makeInvocation("git_status", {}));
    return { ends: [...ends], left: (await survivors(mark)).length };
  },
  blocked: () => ({ ends: ["cancelled"], left: 0 }),
  audit: () => [],
  planted: { unsafe: "a process that nobody knows would stay on this machine for an hour" },
};
