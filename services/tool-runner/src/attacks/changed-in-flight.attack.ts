// The caller changes its request between the check and the use.
import { collectEvents, makeInvocation } from "../testing/open-runner.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const other = JSON.stringify({ path: "other.new", content: "x" });

export const changedInFlight: RunnerAttack = {
  id: "changed-in-flight",

  title: "change an approved request while it is being run",
  stride: "R",
  layer: "hash",
  against: "host",
  async attempt(target) {
    const invocation = makeInvocation("write_file", { path: "approved.new", content: "x" });
    const running = target.open.tools.execute(invocation)[Symbol.asyncIterator]();
    await running.next();
    invocation.inputJson = other;
    invocation.envelope.paths.push("../**");
    await collectEvents({ [Symbol.asyncIterator]: () => running });
    await target.call("git_status", {});
    return ["approved.new", "other.new"].filter((path) => target.open.has(path));
  },
  blocked: () => ["approved.new"],
  audit: () => [],
  planted: {
    async attempt({ open }) {
      const invocation = makeInvocation("write_file", { path: "approved.new", content: "x" });
      // One that keeps the caller's object: checks it, waits, and reads it again.
      const naive = async () => {
        await Promise.resolve();
        const { path, content } = JSON.parse(invocation.inputJson) as { path: string; content: string };
        open.write(path, content);
      };
      const running = naive();
      invocation.inputJson = other;
      await running;
      return ["approved.new", "other.new"].filter((path) => open.has(path));
    },
    gives: () => ["other.new"],
  },
};
