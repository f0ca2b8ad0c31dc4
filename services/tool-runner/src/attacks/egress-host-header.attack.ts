// One host is asked for and another one named in the request: who shares an address is told apart by that.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressHostHeader: RunnerAttack = {
  id: "egress-host-header",
  title: "name another host in the request than is asked for",
  stride: "S",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`http://api.example.org:${port}/*`],
  async attempt(target) {
    const { port, listed } = target.net;
    const found = await target.viaProxy(`
found["absolute"] = brief(ask("http://api.example.org:${port}/", host="other.example.org"))
status, sock = tunnel("api.example.org:${port}")
say(sock, "GET /inside HTTP/1.1", "Host: other.example.org", "Connection: close")
found["tunnel"] = brief(drain(sock))`);
    return { found, hosts: listed.requests.map((line) => line.replace(`:${port}`, "")) };
  },
  blocked: () => ({
    found: { absolute: "200 listed", tunnel: "400" },
    hosts: ["GET / api.example.org"],
  }),
  egress: () => ["allowed GET api.example.org/ x1", "denied GET api.example.org/inside malformed x1"],
  audit: () => [],
  planted: {
    gives: () => ({
      found: { absolute: "200 listed", tunnel: "200 listed" },
      hosts: ["GET / other.example.org", "GET /inside other.example.org"],
    }),
  },
};
