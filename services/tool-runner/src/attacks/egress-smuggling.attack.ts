// One message for the proxy, two for the server: they must read lengths and ends in the same way.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressSmuggling: RunnerAttack = {
  id: "egress-smuggling",
  title: "hide a request in another one's body",
  stride: "T",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`GET,POST http://api.example.org:${port}/public/*`],
  async attempt(target) {
    const { port, listed } = target.net;
    const found = await target.viaProxy(`
hidden = "GET /secret HTTP/1.1\\r\\nHost: api.example.org:${port}\\r\\n\\r\\n"
length = "Content-Length: "
def smuggle(*headers, body=hidden):
  sock = dial()
  lines = ["POST http://api.example.org:${port}/public/a HTTP/1.1", "Host: api.example.org:${port}", auth, *headers]
  sock.sendall(("\\r\\n".join([*lines, "", ""]) + body).encode("latin1"))
  sock.settimeout(1)
  return brief(drain(sock))[:3]
found["both lengths"] = smuggle(length + str(len(hidden) + 5), "Transfer-Encoding: chunked", body="0\\r\\n\\r\\n" + hidden)
found["two lengths"] = smuggle(length + "0", length + str(len(hidden)))
found["odd coding"] = smuggle("Transfer-Encoding: xchunked")
found["space"] = smuggle("Content-Length : " + str(len(hidden)))
found["folded"] = smuggle("X-A: b\\r\\n Transfer-Encoding: chunked", length + "x")
found["bare line end"] = smuggle("X-A: b\\nContent-Length: " + str(len(hidden)))
found["pipelined"] = smuggle(length + "0", body="GET http://api.example.org:${port}/secret HTTP/1.1\\r\\nHost: x\\r\\n" + auth + "\\r\\n\\r\\n")`);
    return { found, secrets: listed.requests.filter((line) => line.includes("/secret")).length };
  },
  blocked: () => ({
    found: {
      "both lengths": "400",
      "two lengths": "400",
      "odd coding": "400",
      space: "400",
      folded: "400",
      "bare line end": "400",
      pipelined: "200",
    },
    secrets: 0,
  }),
  egress: () => [
    "denied malformed x6",
    "allowed POST api.example.org/public/a x1",
    "denied GET api.example.org/secret path_not_listed x1",
  ],
  audit: () => [],
  planted: {
    async attempt(target) {
      const { port, listed } = target.net;
      await target.viaProxy(`
sock = dial()
hidden = "GET /secret HTTP/1.1\\r\\nHost: api.example.org:${port}\\r\\nConnection: close\\r\\n\\r\\n"
sock.sendall(("POST http://api.example.org:${port}/public/a HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n" + hidden).encode())
drain(sock)`);
      return listed.requests.filter((line) => line.includes("/secret")).length;
    },
    gives: () => 1,
  },
};
