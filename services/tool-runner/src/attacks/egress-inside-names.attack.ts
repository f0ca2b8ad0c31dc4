// Names of the list whose owner points them at this machine, its network or its cloud's metadata.
import type { RunnerAttack } from "../testing/attack-target.ts";

/** `mixed` has one address that may be reached and one that may not. */
const names = ["loopback", "metadata", "metadata6", "mixed"];

export const egressInsideNames: RunnerAttack = {
  id: "egress-inside-names",
  title: "reach the machine, its network and metadata by a listed name",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`*.example.org:${port}`],
  async attempt(target) {
    const { port, inner, listed } = target.net;
    const found = await target.viaProxy(`
for name in ${JSON.stringify(names)}: found[name] = brief(ask("http://" + name + ".example.org:${port}/"))`);
    return { found, reached: [...inner.requests, ...listed.requests] };
  },
  blocked: () => ({ found: Object.fromEntries(names.map((name) => [name, "403"])), reached: [] }),
  egress: () => names.map((name) => `denied GET ${name}.example.org/ address_not_public x1`),
  audit: () => [],
  planted: {
    async attempt(target) {
      // The others would send packets out of this machine.
      await target.viaProxy(`ask("http://loopback.example.org:${target.net.port}/")`);
      return target.net.inner.requests.length;
    },
    gives: () => 1,
  },
};
