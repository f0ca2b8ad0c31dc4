import { expect, test } from "vitest";

import { readConfig } from "./config.ts";

const needed = {
  OSSAAT_GATEWAY_REPLICAS: "http://127.0.0.1:8081, http://localhost:8082/",
  OSSAAT_API_TOKEN: "t".repeat(32),
  OSSAAT_INTERNAL_KEY: "0a".repeat(32),
};

test("reads replicas, hosts and keys", () => {
  expect(readConfig(needed)).toEqual({
    port: 8080,
    replicas: ["http://127.0.0.1:8081", "http://localhost:8082"],
    allowedHosts: ["127.0.0.1", "localhost"],
    token: "t".repeat(32),
    user: "operator",
    internalKey: Buffer.from("0a".repeat(32), "hex"),
    drainMs: 20_000,
    tracing: { secrets: [], problems: [] },
    logLevel: "info",
  });
});

test("refuses a short token, replicas in plain text off the machine, and a public port", () => {
  expect(() => readConfig({ ...needed, OSSAAT_API_TOKEN: "short" })).toThrow("at least 32");
  for (const origin of ["http://api.example:80", "https://127.0.0.1", "127.0.0.1:80"]) {
    expect(() => readConfig({ ...needed, OSSAAT_GATEWAY_REPLICAS: origin })).toThrow("is no replica");
  }
  expect(() => readConfig({ ...needed, OSSAAT_GATEWAY_REPLICAS: "," })).toThrow("names no replica");
  expect(() => readConfig({ ...needed, OSSAAT_GATEWAY_LISTEN: "0.0.0.0:80" })).toThrow("127.0.0.1:port");
});
