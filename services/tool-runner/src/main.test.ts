import { once } from "node:events";
import { writeFileSync } from "node:fs";

import { AgentError } from "@ossaat/contracts";
import { CertificateSource } from "@ossaat/contracts/grpc";
import { makeAuthority } from "@ossaat/contracts/testing";
import { readExposition } from "@ossaat/telemetry/testing";
import { afterAll, expect, it } from "vitest";

import { readConfig, readEngineEnvironment } from "./config.ts";
import { connectToolRunner } from "./grpc-client.ts";
import { collectEvents, makeInvocation, outcomeOf, testPlanId, testWorkspaceId } from "./testing/open-runner.ts";
import { spawnRunner } from "./testing/spawn-runner.ts";
import { makeTempDir } from "./testing/temp-dir.ts";
import { makeUserRepository } from "./testing/user-repository.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

const start = (env: Record<string, string>) => spawnRunner(dir.path, env);

it("serves until it is told to stop", async () => {
  const address = `unix:${dir.at("runner.sock")}`;
  const env = {
    OSSAAT_RUNNER_ADDRESS: address,
    OSSAAT_RUNNER_STATE_DIR: dir.at("state"),
    OSSAAT_RUNNER_SANDBOX: "none",
  };
  const child = start(env);
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  expect(JSON.parse(first.toString("utf8"))).toMatchObject({
    msg: "the tool runner serves",
    address,
    sandbox: { driver: "none" },
  });
  const client = connectToolRunner(address);
  expect(await client.tools.health()).toMatchObject({ status: "serving", sandbox: { driver: "none" } });
  client.close();
  // What a killed runner left does not keep the next one from starting.
  child.kill("SIGKILL");
  await once(child, "exit");
  const next = start(env);
  await once(next.stdout, "data");
  next.kill("SIGTERM");
  expect(await once(next, "exit")).toEqual([0, null]);
});

it("serves with certificates, reads them again on SIGHUP, and lets in the callers it was told of", async () => {
  const authority = await makeAuthority("of a runner");
  const write = async (name: string, names: readonly string[]) => {
    const { cert, key } = await authority.issue({ names });
    const at = (file: string) => dir.at(`${name}-${file}`);
    writeFileSync(at("cert"), cert);
    writeFileSync(at("key"), key, { mode: 0o600 });
    writeFileSync(at("ca"), authority.ca);
    return { certFile: at("cert"), keyFile: at("key"), caFile: at("ca") };
  };
  const own = await write("runner", ["runner.test"]);
  const log = { info: () => undefined, warn: () => undefined };
  const certificates = new CertificateSource({ files: await write("client", ["orchestrator.test"]), log });
  const child = start({
    OSSAAT_RUNNER_ADDRESS: "0.0.0.0:0",
    OSSAAT_RUNNER_STATE_DIR: dir.at("state-tls"),
    OSSAAT_RUNNER_SANDBOX: "none",
    OSSAAT_RUNNER_TLS_CERT: own.certFile,
    OSSAAT_RUNNER_TLS_KEY: own.keyFile,
    OSSAAT_RUNNER_TLS_CA: own.caFile,
    OSSAAT_RUNNER_TLS_CALLERS: "orchestrator.test",
  });
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  const { address } = JSON.parse(first.toString("utf8")) as { address: string };
  const health = async (serverName: string) => {
    const near = address.replace("0.0.0.0", "127.0.0.1");
    const client = connectToolRunner(near, { tls: { certificates, serverName } });
    const answer = await client.tools.health().then(
      ({ status }) => status,
      (error: unknown) => AgentError.from(error).code,
    );
    client.close();
    return answer;
  };
  expect(await health("runner.test")).toBe("serving");
  expect(await health("renamed.test")).toBe("unavailable");
  await write("runner", ["renamed.test"]);
  child.kill("SIGHUP");
  expect(((await once(child.stdout, "data")) as [Buffer])[0].toString()).toContain("The certificates were read again.");
  expect(await health("renamed.test")).toBe("serving");
  certificates.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

it("answers scrapes on a port of its own when it is told to", async () => {
  const child = start({
    OSSAAT_RUNNER_ADDRESS: `unix:${dir.at("scraped.sock")}`,
    OSSAAT_RUNNER_STATE_DIR: dir.at("state-scraped"),
    OSSAAT_RUNNER_SANDBOX: "none",
    OSSAAT_RUNNER_METRICS_PORT: "0",
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { msg, url } = JSON.parse(line.toString("utf8").split("\n")[0] ?? "") as { msg: string; url: string };
  expect(msg).toBe("metrics are served");
  const read = readExposition(await (await fetch(url)).text());
  expect(read.families.has("ossaat_tool_run_seconds")).toBe(true);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

it("says what is wrong with its settings", async () => {
  const child = start({ OSSAAT_RUNNER_ADDRESS: "0.0.0.0:80", OSSAAT_RUNNER_STATE_DIR: dir.at("other") });
  const [text] = (await once(child.stderr, "data")) as [Buffer];
  expect(text.toString("utf8")).toMatch(/^ossaat-tool-runner: The address must be unix:\/path.*\nNext: /u);
  expect((await once(child, "exit"))[0]).toBe(1);
});

it("starts without a sandbox nowhere where one is required", async () => {
  const child = start({
    OSSAAT_RUNNER_ADDRESS: `unix:${dir.at("required.sock")}`,
    OSSAAT_RUNNER_STATE_DIR: dir.at("state-required"),
    OSSAAT_RUNNER_SANDBOX: "none",
    OSSAAT_SANDBOX_REQUIRED: "true",
  });
  const [text] = (await once(child.stderr, "data")) as [Buffer];
  expect(text.toString("utf8")).toMatch(/the sandbox is required\.\nNext: .*OSSAAT_SANDBOX_REQUIRED/u);
  expect((await once(child, "exit"))[0]).toBe(1);
});

it("holds working trees to their bounds", async () => {
  const address = `unix:${dir.at("bounded.sock")}`;
  const child = start({
    OSSAAT_RUNNER_ADDRESS: address,
    OSSAAT_RUNNER_STATE_DIR: dir.at("state-bounded"),
    OSSAAT_RUNNER_SANDBOX: "none",
    OSSAAT_TREE_FILES: "1",
    OSSAAT_TREE_GIB: "0.5",
  });
  await once(child.stdout, "data");
  const repository = makeUserRepository(dir.at("user"), { "a.txt": "a\n", "b.txt": "b\n" });
  const client = connectToolRunner(address);
  const place = { workspaceId: testWorkspaceId, planId: testPlanId, repositoryPath: repository.root };
  await client.workspaces.open({ ...place, commit: repository.base });
  const call = makeInvocation("run_command", { argv: ["true"] });
  expect(outcomeOf(await collectEvents(client.tools.execute(call)))).toMatchObject({
    state: "failed",
    message: "The working tree takes more than 1 files and folders: no command runs in it.",
  });
  client.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

const noRules = {
  sandbox: "auto",
  isSandboxRequired: false,
  image: undefined,
  treeGib: undefined,
  treeFiles: undefined,
};

it("reads what the administrator lays down, and refuses what is none", () => {
  const rulesOf = (env: NodeJS.ProcessEnv) => readConfig({ HOME: "/home/x", ...env }).rules;
  expect(rulesOf({ OSSAAT_TREE_GIB: "0.5", OSSAAT_TREE_FILES: "20", OSSAAT_SANDBOX_REQUIRED: "1" })).toEqual({
    ...noRules,
    treeGib: 0.5,
    treeFiles: 20,
    isSandboxRequired: true,
  });
  const modes = ["consumer", "enterprise"].map((mode) => rulesOf({ OSSAAT_RUN_MODE: mode }).isSandboxRequired);
  expect(modes).toEqual([false, true]);
  for (const wrong of [
    { OSSAAT_TREE_GIB: "0" },
    { OSSAAT_TREE_GIB: "much" },
    { OSSAAT_TREE_FILES: "4000001" },
    { OSSAAT_TREE_FILES: "1.5" },
    { OSSAAT_SANDBOX_REQUIRED: "yes" },
    { OSSAAT_RUN_MODE: "strict" },
    { OSSAAT_RUNNER_SECRETS_FILE: "/none" },
  ]) {
    expect(() => rulesOf(wrong)).toThrow(Object.keys(wrong)[0]);
  }
});

it("reads its settings, and defaults that keep it isolated and local", () => {
  expect(readConfig({ HOME: "/home/x" })).toEqual({
    address: "unix:/home/x/.local/state/ossaat/ossaat-runner/runner.sock",
    stateDir: "/home/x/.local/state/ossaat/runner",
    rules: noRules,
    tracing: { secrets: [], problems: [] },
    logLevel: "info",
  });
  expect(readConfig({ HOME: "/home/x", OSSAAT_RUNNER_METRICS_PORT: "9464" })).toMatchObject({ metricsPort: 9_464 });
  expect(() => readConfig({ OSSAAT_RUNNER_METRICS_PORT: "65536" })).toThrow("The environment is not valid");
  expect(
    readConfig({
      OSSAAT_RUNNER_STATE_DIR: "/s",
      OSSAAT_RUNNER_SANDBOX: "none",
      OSSAAT_LOG_LEVEL: "warn",
      OSSAAT_RUNNER_ADDRESS: "unix:/r",
    }),
  ).toEqual({
    address: "unix:/r",
    stateDir: "/s",
    rules: { ...noRules, sandbox: "none" },
    tracing: { secrets: [], problems: [] },
    logLevel: "warn",
  });
  const shared = { HOME: "/home/x", XDG_RUNTIME_DIR: "/run/user/7", OSSAAT_RUNNER_TOKEN: "secret" };
  expect(readConfig(shared)).toMatchObject({
    address: "unix:/run/user/7/ossaat-runner/runner.sock",
    token: "secret",
  });
  expect(readConfig({ OSSAAT_RUNNER_SANDBOX: "container", OSSAAT_RUNNER_IMAGE: "own:1" })).toMatchObject({
    rules: { sandbox: "container", image: "own:1" },
  });
  expect(readEngineEnvironment({ DOCKER_HOST: "unix:///d", HOME: "/h", OPENAI_API_KEY: "k" })).toEqual({
    DOCKER_HOST: "unix:///d",
  });
  expect(() => readConfig({ OSSAAT_RUNNER_TLS_CERT: "/c" })).toThrow("missing: OSSAAT_RUNNER_TLS_KEY");
  expect(() => readConfig({ OSSAAT_RUNNER_SANDBOX: "off" })).toThrow("The environment is not valid");
});
