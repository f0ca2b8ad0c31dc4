// A name that is harmless when it is checked and leads to this machine when it is used.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressRebinding: RunnerAttack = {
  id: "egress-rebinding",
  title: "change what a listed name leads to after the check",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`rebound.example.org:${port}`],
  async attempt(target) {
    const { port, inner, lookups } = target.net;
    const found = await target.viaProxy(`
found["answers"] = [brief(ask("http://rebound.example.org:${port}/")) for _time in range(2)]`);
    return { found, reached: inner.requests.length, lookups: lookups.length };
  },
  blocked: () => ({ found: { answers: ["200 listed", "200 listed"] }, reached: 0, lookups: 1 }),
  // Nothing is refused: the name keeps its first, checked address.
  egress: () => ["allowed GET rebound.example.org/ x2"],
  audit: () => [],
  planted: { gives: () => ({ found: { answers: ["200 listed", "200 inner"] }, reached: 1, lookups: 2 }) },
};
