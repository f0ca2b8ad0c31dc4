import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { loadConfig, ownBudget, settingProofs } from "./config.ts";
import { setTrust } from "./settings/trust.ts";

let home: string;
let repository: string;
let systemFile: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "ossaat-config-"));
  repository = path.join(home, "repository");
  systemFile = path.join(home, "system.yaml");
  mkdirSync(path.join(repository, ".git"), { recursive: true });
  mkdirSync(path.join(repository, "deep", "er"), { recursive: true });
  mkdirSync(path.join(home, ".config", "ossaat"), { recursive: true });
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function load(environment: Record<string, string> = {}, flags: Record<string, unknown> = {}) {
  const folder = path.join(repository, "deep", "er");
  return loadConfig({ environment: { HOME: home, ...environment }, flags, folder, systemFile });
}

const userFile = () => path.join(home, ".config", "ossaat", "ossaat.yaml");
const projectFile = () => path.join(repository, "ossaat.yaml");

describe("the settings of a command", () => {
  test("come from files of every level, found from a folder inside the repository", async () => {
    writeFileSync(systemFile, "server: { slots: 2 }\nmodel: openai/system\n", { mode: 0o644 });
    writeFileSync(userFile(), "model: openai/user\n");
    writeFileSync(projectFile(), "budget:\n  maxMinutes: 7\n");
    const config = await load({ OSSAAT_MAX_TOKENS: "100" }, { maxCost: "2" });
    expect({ ...config.budget, model: config.model, slots: config.slots }).toEqual({
      maxCostUsd: 2,
      maxTokens: 100,
      maxMinutes: 7,
      model: "openai/user",
      slots: 2,
    });
    expect(ownBudget(config)).toEqual({ maxCostUsd: 2 });
  });

  test("leave the server's caps alone when nobody set one", async () => {
    expect((await load()).budget).toEqual({});
  });

  test.each([
    ["GIT_DIR", true],
    ["GIT_WORK_TREE", true],
    ["GIT_CEILING_DIRECTORIES", true],
    ["GIT_CONFIG_COUNT", true],
    ["GIT_ONE_THAT_IS_NEW", true],
    ["GIT_SSL_CAINFO", false],
    ["GIT_AUTHOR_NAME", false],
    ["GIT_PAGER", false],
    ["GIT_SSH_COMMAND", false],
    ["GITHUB_TOKEN", false],
  ])("whether %s may lead git to another repository: %s", async (name, expected) => {
    expect((await load({ [name]: "x" })).isGitSteered).toBe(expected);
  });

  test("an empty variable counts as none", async () => {
    expect((await load({ OSSAAT_MODEL: "", OSSAAT_SLOTS: "" })).model).toBeUndefined();
  });

  test.each([
    [{ OSSAAT_SLOTS: "65" }, {}, 'OSSAAT_SLOTS takes a whole number from 1 to 64, not "65".'],
    [{ OSSAAT_URL: "ftp://x" }, {}, 'OSSAAT_URL takes a web address like https://host/path, not "ftp://x".'],
    [{}, { maxCost: "-1" }, '--max-cost takes a number above 0, not "-1".'],
    [{}, { onApproval: "ask" }, '--on-approval takes park, deny or fail, not "ask".'],
    [{}, { color: "pink" }, '--color takes auto, always or never, not "pink".'],
  ])("say what %j %j takes", async (environment, flags, message) => {
    await expect(load(environment, flags)).rejects.toThrow(message);
  });

  test("trust a project's file only as it was when it was trusted", async () => {
    writeFileSync(projectFile(), "model: openai/project\n");
    expect((await load()).model).toBeUndefined();
    setTrust((await load()).loaded.trustFile, { path: projectFile(), text: "model: openai/project\n" });
    expect((await load()).model).toBe("openai/project");
    writeFileSync(projectFile(), "model: openai/other\n");
    expect((await load()).model).toBeUndefined();
  });

  test("a server's rules hold nothing of a project", async () => {
    writeFileSync(projectFile(), "models: { allowed: [openai/x] }\nrunMode: enterprise\n");
    const config = await load();
    expect(config.allowedModels).toEqual(["openai/x"]);
    expect(config.loaded.serverRules).toEqual({ runMode: "consumer", isSandboxRequired: false });
    rmSync(projectFile());
    expect(settingProofs(config, "token")).toEqual(settingProofs(await load(), "token"));
    expect(settingProofs(await load({ OSSAAT_RUN_MODE: "enterprise" }), "token")).not.toEqual(
      settingProofs(config, "token"),
    );
  });

  test("enterprise takes no unencrypted address but of this machine", async () => {
    const mode = { OSSAAT_RUN_MODE: "enterprise" };
    await expect(load({ ...mode, OSSAAT_URL: "http://example.test" })).rejects.toThrow("must use https");
    for (const [name, address, told] of [
      ["OSSAAT_STORE", "postgres://ann@db/plans", "store must use postgres://…?sslmode=verify-full"],
      ["OSSAAT_QUEUE", "amqp://ann@broker", "queue must use amqps:// or kafkas://"],
      ["OSSAAT_QUEUE", "kafka://localhost,broker", "queue must use amqps:// or kafkas://"],
    ] as const) {
      await expect(load({ ...mode, [name]: address })).rejects.toThrow(`${told} in run mode enterprise`);
      expect((await load({ [name]: address })).runMode).toBe("consumer");
    }
    const store = "postgres://ann@db/plans?sslmode=verify-full";
    expect(await load({ ...mode, OSSAAT_STORE: store, OSSAAT_QUEUE: "amqps://broker" })).toMatchObject({ store });
    const bySystem = { OSSAAT_STORE: "postgres://ann@db/plans", PGSSLMODE: "verify-full" };
    expect((await load({ ...mode, ...bySystem })).store).toBe("postgres://ann@db/plans");
    expect((await load({ ...mode, OSSAAT_URL: "http://127.0.0.1:1" })).remote?.url).toBe("http://127.0.0.1:1");
    expect((await load({ OSSAAT_URL: "http://example.test" })).remote?.url).toBe("http://example.test");
  });

  test("name what a lock took from a flag", async () => {
    writeFileSync(systemFile, "budget:\n  maxCostUsd: 1\nlocked: [budget.maxCostUsd]\n", { mode: 0o644 });
    const config = await load({}, { maxCost: "50" });
    expect(ownBudget(config)).toEqual({ maxCostUsd: 1 });
    expect(config.notices).toEqual([`--max-cost has no effect: budget.maxCostUsd is 1, locked by ${systemFile}:2.`]);
  });
});

describe("caps that the administrator locked", () => {
  const system = "budget:\n  maxCostUsd: 1\n  maxTokens: 500\nlocked: [budget.maxCostUsd]\n";

  test("are rules of the server; a cap that is no lock is not", async () => {
    writeFileSync(systemFile, system, { mode: 0o644 });
    expect((await load({}, { maxCost: "9" })).loaded.serverRules.budgetCaps).toEqual({ maxCostUsd: 1 });
    writeFileSync(systemFile, "budget:\n  maxCostUsd: 1\n", { mode: 0o644 });
    expect((await load()).loaded.serverRules.budgetCaps).toBeUndefined();
  });

  test("make a server that knows others unfit", async () => {
    writeFileSync(systemFile, system, { mode: 0o644 });
    const before = settingProofs(await load(), "token");
    writeFileSync(systemFile, system.replace("maxCostUsd: 1", "maxCostUsd: 2"), { mode: 0o644 });
    expect(settingProofs(await load(), "token")).not.toEqual(before);
  });
});
