import { expect, test } from "vitest";

import { loadConfig, settingProofs } from "../config.ts";
import { keptNotice, otherBackends, requireSameBackends, settingDifferences } from "./setting-differences.ts";

const token = "t".repeat(64);
const configOf = (environment: NodeJS.ProcessEnv) =>
  loadConfig({ environment: { HOME: "/nonexistent", ...environment }, systemFile: "/nonexistent/ossaat.yaml" });

const url = "http://127.0.0.1:1/v1";
const none = { missing: [], changed: [], kept: [] };

test.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv, object]>([
  ["the same", { OPENAI_API_KEY: "a" }, { OPENAI_API_KEY: "a" }, none],
  ["a key the server lacks", {}, { OPENAI_API_KEY: "a" }, { ...none, missing: ["OPENAI_API_KEY"] }],
  ["another key", { OPENAI_API_KEY: "a" }, { OPENAI_API_KEY: "b" }, { ...none, changed: ["OPENAI_API_KEY"] }],
  ["a key of the server's alone", { OPENAI_API_KEY: "a" }, {}, { ...none, kept: ["OPENAI_API_KEY"] }],
  ["an address of the server's alone", { OPENAI_BASE_URL: url }, {}, { ...none, kept: ["OPENAI_BASE_URL"] }],
  [
    "another vendor",
    { OPENAI_BASE_URL: url, OPENAI_API_KEY: "a" },
    { OPENAI_API_KEY: "b", ANTHROPIC_API_KEY: "c" },
    { missing: ["ANTHROPIC_API_KEY"], changed: ["OPENAI_API_KEY"], kept: ["OPENAI_BASE_URL"] },
  ],
])("%s", async (_name, server, shell, expected) => {
  const theirs = { token, settingProofs: settingProofs(await configOf(server), token) };
  expect(settingDifferences(await configOf(shell), theirs)).toEqual(expected);
});

const amqp = "amqp://ossaat@broker/jobs";
const kafka = "kafka://broker:9092";
const store = "postgres://ossaat@host/plans";

test.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv, string[]]>([
  ["the same", { OSSAAT_STORE: store, OSSAAT_QUEUE: amqp }, { OSSAAT_STORE: store, OSSAAT_QUEUE: amqp }, []],
  ["a queue the server lacks", {}, { OSSAAT_QUEUE: amqp }, ["queue"]],
  ["a queue of the server's alone", { OSSAAT_QUEUE: amqp }, {}, ["queue"]],
  ["another queue", { OSSAAT_QUEUE: amqp }, { OSSAAT_QUEUE: kafka }, ["queue"]],
  [
    "the queue's password, not set here",
    { OSSAAT_QUEUE: amqp, OSSAAT_QUEUE_PASSWORD: "x" },
    { OSSAAT_QUEUE: amqp },
    [],
  ],
  ["another store", { OSSAAT_STORE: store }, {}, ["store"]],
  ["another store and queue", { OSSAAT_STORE: store }, { OSSAAT_QUEUE: kafka }, ["store", "queue"]],
])("elsewhere, %s: noticed, and refused with the way out", async (_name, server, shell, expected) => {
  const theirs = { token, pid: 7, settingProofs: settingProofs(await configOf(server), token) };
  const config = await configOf(shell);
  expect([otherBackends(config, theirs), settingDifferences(config, theirs)]).toEqual([expected, none]);
  const [first] = expected;
  const requiring = () => requireSameBackends(config, theirs);
  if (first === undefined) return requiring();
  expect(requiring).toThrow(
    expect.objectContaining({ code: "conflict", details: expect.objectContaining({ reason: `other_${first}` }) }),
  );
});

test.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv, string]>([
  [
    "a store of the server's alone",
    { OSSAAT_STORE: store },
    {},
    "name the server's here, without a password: `export OSSAAT_STORE=ADDRESS` or `ossaat config set store ADDRESS`; or `ossaat down`, to begin with the file in the state folder",
  ],
  [
    "a queue of the server's alone",
    { OSSAAT_QUEUE: amqp },
    {},
    "name the server's here, without a password: `export OSSAAT_QUEUE=ADDRESS` or `ossaat config set queue ADDRESS`; or `ossaat down`, to begin with the database",
  ],
  [
    "a store named here",
    {},
    { OSSAAT_STORE: store },
    "`ossaat down`, to begin with postgres://ossaat@host/plans; or leave the server as it is: `ossaat config explain store` says who names another here",
  ],
])("elsewhere, %s: the way out fits", async (_name, server, shell, next) => {
  const theirs = { token, pid: 7, settingProofs: settingProofs(await configOf(server), token) };
  const config = await configOf(shell);
  expect(() => requireSameBackends(config, theirs)).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ next }) }),
  );
});

test("a server that says nothing of its store and queue is not refused for them", async () => {
  expect(otherBackends(await configOf({ OSSAAT_QUEUE: amqp }), { token, settingProofs: {} })).toEqual([]);
});

test("a queue elsewhere is named without a secret", async () => {
  const theirs = { token, pid: 7, settingProofs: settingProofs(await configOf({}), token) };
  const config = await configOf({ OSSAAT_QUEUE: amqp, OSSAAT_QUEUE_PASSWORD: "hidden" });
  expect(() => requireSameBackends(config, theirs)).toThrow(
    "The running server (pid 7) has its jobs carried by another than amqp://ossaat@broker/jobs.",
  );
});

test("what the server alone has is named with the command that mends it", () => {
  expect([keptNotice([]), keptNotice(["OPENAI_BASE_URL"])]).toEqual([
    undefined,
    "The running server still uses OPENAI_BASE_URL, which is not set in this shell. Next: `ossaat down` ends it; the next command starts one without it.",
  ]);
});
