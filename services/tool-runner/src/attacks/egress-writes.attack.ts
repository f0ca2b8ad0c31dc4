// A listed host where anybody may publish carries data out by what is written to it.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressWrites: RunnerAttack = {
  id: "egress-writes",
  title: "send data to a listed host by another method or path",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`GET http://api.example.org:${port}/public/*`],
  async attempt(target) {
    const { port, listed } = target.net;
    const found = await target.viaProxy(`
base = "http://api.example.org:${port}"
for name, path, method in (
  ("method", "/public/a", "POST"), ("path", "/gists", "GET"), ("dots", "/public/../gists", "GET"),
  ("encoded", "/public/%2e%2e/gists", "GET"), ("slash", "/public%2f..%2fgists", "GET"), ("odd", "/public/a", "PROPFIND"),
): found[name] = brief(ask(base + path, "Content-Length: 0", method=method))`);
    return { found, reached: listed.requests.length };
  },
  blocked: () => ({
    found: { method: "403", path: "403", dots: "403", encoded: "403", slash: "403", odd: "403" },
    reached: 0,
  }),
  // Dots are resolved before a path is judged.
  egress: () => [
    "denied POST api.example.org/public/a method_not_listed x1",
    "denied GET api.example.org/gists path_not_listed x3",
    "denied GET api.example.org/public%2f..%2fgists path_not_listed x1",
    "denied PROPFIND api.example.org/public/a method_not_listed x1",
  ],
  audit: () => [],
  planted: {
    gives: () => ({
      found: Object.fromEntries(
        ["method", "path", "dots", "encoded", "slash", "odd"].map((name) => [name, "200 listed"]),
      ),
      reached: 6,
    }),
  },
};
