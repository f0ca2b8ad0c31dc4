// Output without end and without a line end.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const outputFlood: RunnerAttack = {
  id: "output-flood",
  title: "flood the host with output",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { outputBytes: 1_000_000 },
  async attempt(target) {
    const argv = ["/usr/bin/python3", "-c", `import sys\nfor _ in range(64): sys.stdout.write("x" * (1 << 20))`];
    const { output, text } = await target.call("run_command", { argv });
    const logBytes = output?.commands?.[0]?.logBytes ?? 0;
    return { shown: text.length < 20_000, kept: logBytes < 3_000_000, exitCode: output?.commands?.[0]?.exitCode };
  },
  blocked: () => ({ shown: true, kept: true, exitCode: null }),
  audit: () => [["limit", "output"]],
  planted: {
    async attempt(target) {
      const argv = ["/usr/bin/python3", "-c", `import sys\nsys.stdout.write("x" * 900_000)`];
      const { output } = await target.call("run_command", { argv });
      return output?.commands?.[0]?.logBytes;
    },
    gives: () => 900_000,
  },
};
