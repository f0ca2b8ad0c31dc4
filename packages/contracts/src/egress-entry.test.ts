import { expect, test } from "vitest";

import { parseEgressEntry } from "./egress-entry.ts";
import { Envelope, findIdleEntries } from "./envelope.ts";

test.each([
  ["packages.example.com", { host: "packages.example.com", isWildcard: false, ports: [443, 80], methods: [] }],
  ["*.Example.org.", { host: "example.org", isWildcard: true, ports: [443, 80], methods: [] }],
  ["example.org:8443", { host: "example.org", isWildcard: false, ports: [8443], methods: [] }],
  ["https://example.org", { host: "example.org", isWildcard: false, scheme: "https", ports: [443], methods: [] }],
  ["https://example.org/*", { host: "example.org", isWildcard: false, scheme: "https", ports: [443], methods: [] }],
  [
    "GET,HEAD https://api.example.org/v1/*",
    {
      host: "api.example.org",
      isWildcard: false,
      scheme: "https",
      ports: [443],
      methods: ["GET", "HEAD"],
      path: { text: "/v1/", isPrefix: true },
    },
  ],
  [
    "POST http://api.example.org:8080/items",
    {
      host: "api.example.org",
      isWildcard: false,
      scheme: "http",
      ports: [8080],
      methods: ["POST"],
      path: { text: "/items", isPrefix: false },
    },
  ],
])("reads %s", (entry, rule) => {
  expect(parseEgressEntry(entry)).toEqual({ ok: true, rule: { entry, ...rule } });
});

test.each([
  ["*", "a star stands in front only, for names below a host: *.example.org"],
  ["*.org", "a star stands in front only, for names below a host: *.example.org"],
  ["a.*.org", "a star stands in front only, for names below a host: *.example.org"],
  ["10.0.0.1", "an address cannot be named, only a host"],
  ["localhost", "a name of one word belongs to this machine or its network"],
  ["ftp://example.org", "write a host, or methods, scheme, host and path: GET https://api.example.org/v1/*"],
  ["https://ann@example.org/", "write a host, or methods, scheme, host and path: GET https://api.example.org/v1/*"],
  ["get https://example.org/", "write a host, or methods, scheme, host and path: GET https://api.example.org/v1/*"],
  ["https://example.org/a?b=c", "the path must be written as it is sent: absolute, encoded, without .. or a query"],
  ["https://example.org/a/../b", "the path must be written as it is sent: absolute, encoded, without .. or a query"],
  ["https://example.org/a%2fb", "the path must be written as it is sent: absolute, encoded, without .. or a query"],
  ["https://example.org/ü", "the path must be written as it is sent: absolute, encoded, without .. or a query"],
  ["https://example.org/a*", "in a path a star stands at the end only: /v1/*"],
  ["example.org/v1", "a path needs a scheme: https://host/path"],
  ["example.org:0", "a port is a number from 1 to 65535"],
  ["example.org:99999", "a port is a number from 1 to 65535"],
  ["example.org:", "a port is a number from 1 to 65535"],
  ["CONNECT example.org", "CONNECT is not a method of a host"],
  [`${"a.".repeat(300)}org`, "the entry is too long"],
])("refuses %s", (entry, why) => {
  expect(parseEgressEntry(entry)).toEqual({ ok: false, why });
});

test("an envelope is read although entries of it mean nothing, and they are named", () => {
  const lists = { egressHosts: ["example.org", "127.0.0.1", "localhost"], secrets: ["npm", "my secret"] };
  expect(findIdleEntries(Envelope.parse(lists))).toEqual([
    { list: "egressHosts", entry: "127.0.0.1", why: "an address cannot be named, only a host" },
    { list: "egressHosts", entry: "localhost", why: "a name of one word belongs to this machine or its network" },
    { list: "secrets", entry: "my secret", why: "a secret's name holds letters, digits, dots, - and _ only" },
  ]);
});
