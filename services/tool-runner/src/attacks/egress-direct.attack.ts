// The way out is one port; everything else of the box's network stays closed beside it.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressDirect: RunnerAttack = {
  id: "egress-direct",
  title: "go around the proxy, to the machine's own services",
  stride: "E",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`api.example.org:${port}`],
  async attempt(target) {
    const { port, listed, inner } = target.net;
    const found = await target.viaProxy(`
def straight(host):
  sock = socket.create_connection((host, ${port}), 5)
  say(sock, "GET /straight HTTP/1.1", "Host: api.example.org", "Connection: close")
  drain(sock)
for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0"): found[host] = attempt(lambda: straight(host))`);
    return { found, reached: [...listed.requests, ...inner.requests].length };
  },
  blocked: () => ({
    found: { "127.0.0.1": "ECONNREFUSED", "127.0.0.2": "ECONNREFUSED", "0.0.0.0": "ECONNREFUSED" },
    reached: 0,
  }),
  audit: () => [],
  planted: { gives: () => ({ found: { "127.0.0.1": "ok", "127.0.0.2": "ok", "0.0.0.0": "ok" }, reached: 3 }) },
};
