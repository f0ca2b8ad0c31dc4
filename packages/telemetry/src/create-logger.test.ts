import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { createLogger } from "./create-logger.ts";
import type { LoggerOptions } from "./create-logger.ts";

const knownSecret = "plain-canary-value";
const shapedSecret = ["sk", "ant", "canary0123456789"].join("-");

function memoryLog(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ service: "ossaat", version: "1.2.3", level: "debug", destination, ...options });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("a line is one JSON object with level, time, service, fields and message", () => {
  const { log, lines, parsed } = memoryLog();
  log.info({ planId: "plan-1", count: 2 }, "a sentence");
  expect(lines).toEqual([expect.stringMatching(/^\{.*\}\n$/)]);
  expect(parsed()).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
      service: "ossaat",
      version: "1.2.3",
      pid: process.pid,
      planId: "plan-1",
      count: 2,
      msg: "a sentence",
    },
  ]);
});

test.each([
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
] as const)("level %s writes %j", (level, expected) => {
  const { log, parsed } = memoryLog({ level });
  for (const name of ["debug", "info", "warn", "error"] as const) log[name]({}, "x");
  expect(parsed().map((line) => line["level"])).toEqual(expected);
});

describe("no planted secret reaches a line", () => {
  const carriers: [string, (secret: string) => object, (secret: string) => string][] = [
    ["a field", (secret) => ({ note: `got ${secret} there` }), () => "x"],
    ["a nested field", (secret) => ({ a: { b: [{ c: secret }] } }), () => "x"],
    ["a field's name", (secret) => ({ [secret]: 1 }), () => "x"],
    ["the message", () => ({}), (secret) => `failed with ${secret}`],
    ["an error's message", (secret) => ({ error: new Error(`bad ${secret}`) }), () => "x"],
    ["an error's cause", (secret) => ({ error: new Error("x", { cause: new Error(secret) }) }), () => "x"],
    [
      "an error's details",
      (secret) => ({ error: new AgentError("internal", "x", { details: { secret } }) }),
      () => "x",
    ],
    ["pino's own error field", (secret) => ({ err: Object.assign(new Error(secret), { detail: secret }) }), () => "x"],
    ["an error as the fields", (secret) => new Error(secret), () => "x"],
    ["a list as the fields", (secret) => [secret], () => "x"],
    ["an object with toJSON", (secret) => ({ value: { toJSON: () => ({ secret }) } }), () => "x"],
    [
      "a getter that throws",
      (secret) => ({
        get value(): never {
          throw new Error(secret);
        },
      }),
      () => "x",
    ],
    ["something like a request", (secret) => ({ method: "GET", headers: { cookie: secret }, socket: {} }), () => "x"],
  ];
  test.each(carriers)("in %s", (_name, fields, message) => {
    const { log, lines } = memoryLog({ secrets: [knownSecret] });
    for (const secret of [knownSecret, shapedSecret]) log.error(fields(secret), message(secret));
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).not.toContain(knownSecret);
      expect(line).not.toContain("canary0123456789");
      expect(line).toContain("[redacted]");
    }
  });
});

test("an error is written with class, code and stack", () => {
  const { log, parsed } = memoryLog();
  log.error({ error: new AgentError("conflict", "It changed.") }, "request failed");
  expect(parsed()[0]?.["error"]).toMatchObject({
    type: "AgentError",
    code: "conflict",
    message: "It changed.",
    stack: expect.stringContaining("create-logger.test.ts") as unknown,
  });
});

test("percent signs of a message stay", () => {
  const { log, parsed } = memoryLog();
  log.info({ a: 1 }, "50% of %s done %d");
  expect(parsed()[0]?.["msg"]).toBe("50% of %s done %d");
});

describe("a file descriptor", () => {
  test("has the line when the call returns", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "ossaat-log-"));
    const file = path.join(folder, "server.log");
    const fd = openSync(file, "a");
    createLogger({ service: "ossaat", version: "1", level: "info", destination: fd }).info({}, "written");
    expect(readFileSync(file, "utf8")).toContain('"msg":"written"');
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  test("that cannot be written breaks nothing", async () => {
    const fd = openSync("/dev/full", "w");
    const log = createLogger({ service: "ossaat", version: "1", level: "info", destination: fd });
    expect(() => {
      log.info({}, "lost");
      log.info({}, "lost too");
    }).not.toThrow();
    // NOTE: an error event without a listener would end this process in the next ticks.
    await new Promise((resolve) => setImmediate(resolve));
    closeSync(fd);
  });
});
