// Another service of a listed host: mail, remote shells, databases.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressOtherPorts: RunnerAttack = {
  id: "egress-other-ports",
  title: "reach another port of a listed host",
  stride: "E",
  layer: "egress proxy",
  against: "box",
  hosts: () => ["api.example.org"],
  async attempt(target) {
    const { port, listed, lookups } = target.net;
    const found = await target.viaProxy(`
for port in (22, 25, ${port}): found[port] = tunnel("api.example.org:" + str(port))[0][:3]
ask("http://api.example.org:${port}/")`);
    return { found: Object.values(found as object), reached: listed.requests.length, lookups: lookups.length };
  },
  blocked: () => ({ found: ["403", "403", "403"], reached: 0, lookups: 0 }),
  // Ports tell events apart; the line names none.
  egress: () => [
    ...Array.from({ length: 3 }, () => "denied CONNECT api.example.org host_not_listed x1"),
    "denied GET api.example.org/ host_not_listed x1",
  ],
  audit: () => [],
  planted: {
    async attempt(target) {
      const { port, listed } = target.net;
      // The usual ports of this machine belong to others.
      await target.viaProxy(`ask("http://api.example.org:${port}/")`);
      return listed.requests.length;
    },
    gives: () => 1,
  },
};
