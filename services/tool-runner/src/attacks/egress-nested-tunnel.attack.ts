// A tunnel in a tunnel: the inner one leads to hosts nobody judged.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressNestedTunnel: RunnerAttack = {
  id: "egress-nested-tunnel",
  title: "ask for a tunnel inside of a tunnel",
  stride: "E",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`http://api.example.org:${port}/*`],
  async attempt(target) {
    const { port, naivePort, inner } = target.net;
    const found = await target.viaProxy(`
_status, sock = tunnel("api.example.org:${target.isConfined ? port : naivePort}")
say(sock, "CONNECT other.example.org:${port} HTTP/1.1", "Host: other.example.org:${port}")
sock.settimeout(2)
found["inner"] = sock.recv(65536).decode("latin1").split(" ")[1]
try: say(sock, "GET / HTTP/1.1", "Host: x", "Connection: close")
except OSError: pass
drain(sock)`);
    return { found, reached: inner.requests.length };
  },
  blocked: () => ({ found: { inner: "400" }, reached: 0 }),
  egress: () => ["denied CONNECT api.example.org malformed x1"],
  audit: () => [],
  planted: { gives: () => ({ found: { inner: "200" }, reached: 1 }) },
};
