// An address in all its notations, for filters that compare texts.
import type { RunnerAttack } from "../testing/attack-target.ts";

/** What is no host name at all is refused as malformed, the rest because it is on no list. */
const malformed = ["0177.0.0.2", "127.2", "127.0.0.2."];
const unlisted = ["127.0.0.2", "2130706434", "0x7f000002", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]"];
const spellings = [...malformed, ...unlisted];

export const egressSpellings: RunnerAttack = {
  id: "egress-spellings",
  title: "name an address by decimal, octal, hexadecimal and mapped notations",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`api.example.org:${port}`],
  async attempt(target) {
    const { port, inner } = target.net;
    const found = await target.viaProxy(`
for host in ${JSON.stringify(spellings)}: found[host] = tunnel(host + ":${port}")[0][:3]`);
    return { found, reached: inner.requests.length };
  },
  blocked: () => ({
    found: Object.fromEntries(spellings.map((host) => [host, malformed.includes(host) ? "400" : "403"])),
    reached: 0,
  }),
  egress: ({ net }) => [
    ...malformed.map((host) => `denied CONNECT ${host}:${net.port} malformed x1`),
    ...unlisted.map((host) => `denied CONNECT ${host}:${net.port} host_not_listed x1`),
  ],
  audit: () => [],
  planted: {
    async attempt(target) {
      const { port, inner } = target.net;
      await target.viaProxy(`
for host in ${JSON.stringify(spellings)}: ask("http://" + host + ":${port}/")`);
      return inner.requests.length;
    },
    gives: () => spellings.length,
  },
};
