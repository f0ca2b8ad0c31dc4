// Settings of an orchestrator process: what it takes, and what it refuses by name.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { AgentError } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { readConfig } from "./config.ts";

const key = "0a".repeat(32);
const needed = {
  OSSAAT_STORE: "postgres://u@localhost/d",
  OSSAAT_INTERNAL_KEY: key,
  OSSAAT_RUNNER_ADDRESS: "unix:/r",
  OSSAAT_INDEXER_ADDRESS: "unix:/i",
};
const tls = { OSSAAT_TLS_CERT: "/c", OSSAAT_TLS_KEY: "/k", OSSAAT_TLS_CA: "/a" };
const names = { OSSAAT_RUNNER_NAME: "runner.test", OSSAAT_INDEXER_NAME: "spiffe://d/indexer" };

test("has defaults that are strict and local", () => {
  expect(readConfig(needed)).toEqual({
    role: "all",
    storeUrl: "postgres://u@localhost/d",
    queue: undefined,
    port: 8081,
    internalKey: Buffer.from(key, "hex"),
    runner: { address: "unix:/r", token: undefined, serverName: undefined },
    indexer: { address: "unix:/i", token: undefined, serverName: undefined },
    certificateFiles: undefined,
    workerName: undefined,
    rules: {
      runMode: "enterprise",
      allowedModels: undefined,
      isSandboxRequired: true,
      budgetCaps: undefined,
      maxOpenSteps: undefined,
      dispatch: { weights: {}, caps: { tenant: undefined, repository: undefined, plan: undefined } },
      slots: undefined,
      keepDays: 14,
      policyFiles: { admin: [{ path: "/etc/ossaat/policy.json", mustExist: false }] },
      userAgentsDir: undefined,
    },
    drainMs: 20_000,
    spoolDir: undefined,
    model: undefined,
    modelRequestLog: undefined,
    providerEnv: {},
    providerKeys: [],
    tracing: { secrets: [], problems: [] },
    logLevel: "info",
    secrets: [key],
  });
});

test("takes roles, certificates with names, vendors' keys by name, and a policy file that must exist", () => {
  const config = readConfig({
    ...needed,
    ...tls,
    ...names,
    OSSAAT_ROLE: "worker",
    OSSAAT_WORKER_NAME: "w-1",
    OSSAAT_SLOTS: "2",
    OSSAAT_MAX_RUNNING_PER_TENANT: "8",
    OSSAAT_MAX_RUNNING_PER_REPOSITORY: "4",
    OSSAAT_MAX_RUNNING_PER_PLAN: "3",
    OSSAAT_TENANT_WEIGHTS: "acme=3,other=100",
    OSSAAT_DRAIN_SECONDS: "5",
    OSSAAT_SPOOL_DIR: "/spool",
    OSSAAT_ADMIN_POLICY: "/p.json",
    OPENAI_API_KEY: "k",
    ANTHROPIC_API_KEY: "",
  });
  expect(config.rules).toMatchObject({
    slots: 2,
    dispatch: { weights: { acme: 3, other: 100 }, caps: { tenant: 8, repository: 4, plan: 3 } },
    policyFiles: { admin: [{ mustExist: false }, { path: "/p.json", mustExist: true }] },
  });
  expect(config).toMatchObject({
    role: "worker",
    workerName: "w-1",
    drainMs: 5_000,
    spoolDir: "/spool",
    certificateFiles: { certFile: "/c", keyFile: "/k", caFile: "/a" },
    runner: { serverName: "runner.test" },
    indexer: { serverName: "spiffe://d/indexer" },
    providerEnv: { OPENAI_API_KEY: "k" },
    providerKeys: ["OPENAI_API_KEY"],
  });
});

test("keeps the password out of the address, and every secret out of the log", () => {
  const config = readConfig({
    ...needed,
    OSSAAT_STORE_PASSWORD: "of-the-store",
    OSSAAT_RUNNER_TOKEN: "of-the-runner",
    OSSAAT_INDEXER_TOKEN: "of-the-indexer",
    OSSAAT_QUEUE: "amqps://u@h",
    OSSAAT_QUEUE_PASSWORD: "of-the-queue",
    OPENAI_API_KEY: "of-a-vendor",
    ANTHROPIC_API_KEY: "of-another",
  });
  expect(config.storeUrl).toBe("postgres://u:of-the-store@localhost/d");
  const passwords = ["of-the-store", "of-the-queue"];
  const keys = ["of-a-vendor", "of-another"];
  expect(config.secrets).toEqual([key, "of-the-runner", "of-the-indexer", ...passwords, ...keys]);
  expect(readConfig({ ...needed, PGPASSWORD: "of-the-driver" }).secrets).toEqual([key, "of-the-driver"]);
  expect(() => readConfig({ ...needed, OSSAAT_STORE: "postgres://u:hidden@h/d" })).toThrow(
    /^OSSAAT_STORE must hold no password: (?!.*hidden)/u,
  );
});

test("reads the internal key from a file, and never repeats it", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-key-"));
  const file = path.join(folder, "key");
  writeFileSync(file, `${key}\n`);
  const { OSSAAT_INTERNAL_KEY: _key, ...others } = needed;
  expect(readConfig({ ...others, OSSAAT_INTERNAL_KEY_FILE: file }).internalKey).toEqual(Buffer.from(key, "hex"));
  expect(() => readConfig({ ...others, OSSAAT_INTERNAL_KEY_FILE: path.join(folder, "none") })).toThrow(
    "cannot be read",
  );
  expect(() => readConfig(others)).toThrow("Set one of OSSAAT_INTERNAL_KEY");
  expect(() => readConfig({ ...needed, OSSAAT_INTERNAL_KEY: "secret" })).toThrow(
    /^The internal key must have 64 hex digits\.$/u,
  );
  rmSync(folder, { recursive: true });
});

test("takes the address of a broker, and its password from a variable or a file", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-password-"));
  const file = path.join(folder, "password");
  writeFileSync(file, "p@ss word\n");
  const url = "amqps://ossaat@broker:5671/jobs";
  const queueOf = (env: NodeJS.ProcessEnv) => readConfig({ ...needed, ...env }).queue;
  expect(queueOf({ OSSAAT_QUEUE: "embedded" })).toBeUndefined();
  expect(queueOf({ OSSAAT_QUEUE: "kafkas://a:1,b:2?namespace=n" })).toEqual({ url: "kafkas://a:1,b:2?namespace=n" });
  expect(queueOf({ OSSAAT_QUEUE: url, OSSAAT_QUEUE_PASSWORD: "secret" })).toEqual({ url, password: "secret" });
  expect(queueOf({ OSSAAT_QUEUE: url, OSSAAT_QUEUE_PASSWORD_FILE: file })).toEqual({ url, password: "p@ss word" });
  expect(queueOf({ OSSAAT_QUEUE: url, OSSAAT_QUEUE_CA: "/ca.pem" })).toEqual({ url, caFile: "/ca.pem" });
  const both = { OSSAAT_QUEUE: url, OSSAAT_QUEUE_PASSWORD: "secret", OSSAAT_QUEUE_PASSWORD_FILE: file };
  expect(() => queueOf(both)).toThrow("Set one of OSSAAT_QUEUE_PASSWORD and OSSAAT_QUEUE_PASSWORD_FILE.");
  expect(() => queueOf({ OSSAAT_QUEUE: url, OSSAAT_QUEUE_PASSWORD_FILE: "/none" })).toThrow("/none cannot be read");
  rmSync(folder, { recursive: true });
});

test("takes the rules of the administrator, and run mode enterprise demands the sandbox whatever they say", () => {
  const rulesOf = (env: NodeJS.ProcessEnv) => readConfig({ ...needed, ...env }).rules;
  expect(
    rulesOf({
      OSSAAT_RUN_MODE: "consumer",
      OSSAAT_ALLOWED_MODELS: "anthropic/*, openai/gpt-5",
      OSSAAT_SANDBOX_REQUIRED: "true",
      OSSAAT_MAX_COST_USD: "2.5",
      OSSAAT_MAX_TOKENS: "1000",
      OSSAAT_MAX_OPEN_STEPS: "7",
      OSSAAT_KEEP_DAYS: "3",
      OSSAAT_AGENTS_DIR: "/agents",
    }),
  ).toMatchObject({
    runMode: "consumer",
    allowedModels: ["anthropic/*", "openai/gpt-5"],
    isSandboxRequired: true,
    budgetCaps: { maxCostUsd: 2.5, maxTokens: 1_000 },
    maxOpenSteps: 7,
    keepDays: 3,
    userAgentsDir: "/agents",
  });
  expect(rulesOf({ OSSAAT_RUN_MODE: "consumer" }).isSandboxRequired).toBe(false);
  expect(rulesOf({ OSSAAT_SANDBOX_REQUIRED: "false" }).isSandboxRequired).toBe(true);
});

test("in run mode enterprise database and broker beyond this machine are encrypted", () => {
  const read = (env: Record<string, string>, mode = "enterprise") =>
    readConfig({ ...needed, ...env, OSSAAT_RUN_MODE: mode });
  for (const env of [
    { OSSAAT_STORE: "postgres://u@db/d" },
    { OSSAAT_STORE: "postgres://u@db/d?sslmode=disable", PGSSLMODE: "verify-full" },
    { OSSAAT_STORE: "postgres://u@db/d?ssl=0", PGSSLMODE: "verify-full" },
    { OSSAAT_STORE: "postgres://u@db/d?uselibpqcompat=true&sslmode=require" },
    { OSSAAT_QUEUE: "amqp://u@broker" },
    { OSSAAT_QUEUE: "kafka://localhost,broker" },
  ]) {
    expect(() => read(env)).toThrow(/must be encrypted in run mode enterprise/u);
    expect(read(env, "consumer").rules.runMode).toBe("consumer");
  }
  const address = "postgres://u@db/d?sslmode=verify-full";
  expect(read({ OSSAAT_STORE: address, OSSAAT_QUEUE: "kafkas://u@one,two" }).storeUrl).toBe(address);
  expect(read({ OSSAAT_STORE: "postgres://u@db/d", PGSSLMODE: "require" }).storeUrl).toBe("postgres://u@db/d");
});

test("in run mode enterprise spans go to no collector beyond this machine in plain text", () => {
  const urlOf = (endpoint: string, mode: string) =>
    readConfig({ ...needed, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OSSAAT_RUN_MODE: mode }).tracing.tracesUrl;
  expect(() => urlOf("http://collector:4318", "enterprise")).toThrow("must use https in run mode enterprise");
  expect([
    urlOf("http://collector:4318", "consumer"),
    urlOf("http://localhost:4318", "enterprise"),
    urlOf("https://collector", "enterprise"),
  ]).toEqual(["http://collector:4318/v1/traces", "http://localhost:4318/v1/traces", "https://collector/v1/traces"]);
});

test("refuses what is no setting, plain text off the machine, and certificates without names", () => {
  for (const wrong of [
    { OSSAAT_ROLE: "boss" },
    { OSSAAT_LISTEN: "0.0.0.0:80" },
    { OSSAAT_QUEUE: "x" },
    { OSSAAT_QUEUE: "amqp://u:secret@h" },
    { OSSAAT_QUEUE: "kafka://" },
    { OSSAAT_STORE: "" },
    { OSSAAT_MAX_RUNNING_PER_PLAN: "0" },
    { OSSAAT_MAX_OPEN_STEPS: "0" },
    { OSSAAT_MAX_OPEN_STEPS: "many" },
    { OSSAAT_MAX_COST_USD: "-1" },
    { OSSAAT_MAX_TOKENS: "1.5" },
    { OSSAAT_MAX_MINUTES: "" },
    { OSSAAT_ALLOWED_MODELS: "openai/a,,b" },
    { OSSAAT_SANDBOX_REQUIRED: "yes" },
    { OSSAAT_KEEP_DAYS: "36501" },
    { OSSAAT_TENANT_WEIGHTS: "acme=0" },
    { OSSAAT_TENANT_WEIGHTS: "acme=101" },
    { OSSAAT_TENANT_WEIGHTS: "acme" },
  ]) {
    expect(() => readConfig({ ...needed, ...wrong })).toThrow(Object.keys(wrong)[0]);
  }
  expect(() => readConfig({ ...needed, ...tls })).toThrow("OSSAAT_RUNNER_NAME is missing");
  expect(() => readConfig({ ...needed, ...names })).toThrow("no certificate to show");
  expect(() => readConfig({ ...needed, OSSAAT_TLS_CERT: "/c" })).toThrow("missing: OSSAAT_TLS_KEY");
});

test("what is missing, or no value of its variable, is told in plain words with an example", () => {
  const messageOf = (env: Record<string, string>) => {
    try {
      readConfig(env);
    } catch (error) {
      const { message, next } = error as AgentError;
      expect(next).toContain("docs/architecture/distributed.md");
      return message;
    }
    return "none";
  };
  const { OSSAAT_STORE: _store, OSSAAT_RUNNER_ADDRESS: _runner, OSSAAT_INDEXER_ADDRESS: _indexer, ...rest } = needed;
  expect(messageOf(rest)).toBe(
    "The environment is not valid: " +
      "OSSAAT_STORE is missing: it is the address of the database, as postgres://ossaat@127.0.0.1:5432/ossaat; " +
      "OSSAAT_RUNNER_ADDRESS is missing: it is where the tool runner listens, as unix:/run/ossaat/runner.sock or 127.0.0.1:7001; " +
      "OSSAAT_INDEXER_ADDRESS is missing: it is where the indexer listens, as unix:/run/ossaat/indexer.sock or 127.0.0.1:7002.",
  );
  expect(messageOf({ ...needed, OSSAAT_ROLE: "boss" })).toBe(
    "The environment is not valid: OSSAAT_ROLE must be api, worker or all.",
  );
  expect(messageOf({ ...needed, OSSAAT_QUEUE: "nats://h" })).toBe(
    "The environment is not valid: OSSAAT_QUEUE must be amqp[s]://user@host:port/vhost or kafka[s]://user@host:port, without a password, or be left out: the database carries the jobs then.",
  );
  expect(messageOf({ ...needed, OSSAAT_SANDBOX_REQUIRED: "perhaps" })).not.toMatch(/expected|Invalid/u);
  expect(messageOf({ ...needed, OSSAAT_SLOTS: "many" })).not.toMatch(/expected|Invalid/u);
});
