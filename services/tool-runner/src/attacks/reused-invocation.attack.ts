// An invocation id that stands for a finished call is used again for another one.
import { collectEvents, makeInvocation, outcomeOf } from "../testing/open-runner.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const reusedInvocation: RunnerAttack = {
  id: "reused-invocation",

  title: "pass another call off as one that has run",
  stride: "S",
  layer: "hash",
  against: "host",
  async attempt(target) {
    const first = makeInvocation("write_file", { path: "first.new", content: "x" }, { invocationId: "one" });
    const second = makeInvocation("write_file", { path: "second.new", content: "x" }, { invocationId: "one" });
    await target.send(first);
    const here = await target.send(second).catch((error: Error) => error.message);
    // After a restart only the record of the first is there.
    const later = outcomeOf(await collectEvents(target.open.restart().tools.execute(second)));
    return { here, later: later.code, ran: ["first.new", "second.new"].filter((path) => target.open.has(path)) };
  },
  blocked: () => ({ here: "This invocation id was used for another call.", later: "conflict", ran: ["first.new"] }),
  audit: () => [],
  planted: {
    async attempt(target) {
      await target.call("write_file", { path: "first.new", content: "x" }, { invocationId: "one" });
      await target.call("write_file", { path: "second.new", content: "x" }, { invocationId: "two" });
      return { ran: ["first.new", "second.new"].filter((path) => target.open.has(path)) };
    },
    gives: () => ({ ran: ["first.new", "second.new"] }),
  },
};
