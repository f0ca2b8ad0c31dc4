// Memory without end.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const memoryHog: RunnerAttack = {
  id: "memory-hog",
  title: "take all memory",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { memoryBytes: 96 * 1024 * 1024 },
  async attempt(target) {
    // A bound of each process alone is at least what Node needs.
    const asked = target.sees.memory ? "400 * 1024**2" : "40 * 1024**3";
    return target.py(`found["got"] = len(bytearray(${asked}))`);
  },
  blocked: ({ sees }) => ({
    state: "completed",
    code: undefined,
    exitCode: sees.memory ? 137 : 1,
    signal: undefined,
  }),
  audit: ({ sees }) => (sees.memory ? [["limit", "memory"]] : []),
  planted: { unsafe: "without a bound the machine itself would run out of memory" },
};
