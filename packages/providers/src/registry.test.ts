import { AgentError } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { collectTurn } from "./collect-turn.ts";
import type { ProviderEnv } from "./connection.ts";
import { parseModelName } from "./model-name.ts";
import { defaultModels, pickModel } from "./pick-model.ts";
import { priceUsage } from "./price.ts";
import { resolveProvider } from "./registry.ts";
import { testRequest } from "./testing/requests.ts";

const script = JSON.stringify({ schemaVersion: 1, notice: "A demo.", replies: [], fallback: { text: "hi" } });
const files = new Map([["demo/script.json", script]]);

function resolve(name: string, env: ProviderEnv = {}) {
  const readFile = (path: string) => {
    const text = files.get(path);
    return text === undefined ? Promise.reject(new AgentError("not_found", `no ${path}`)) : Promise.resolve(text);
  };
  return resolveProvider(name, { env, readFile });
}

describe("resolveProvider", () => {
  test("openai speaks Responses to the vendor", async () => {
    const { provider, ref, modelId, scripted } = await resolve("openai/gpt-5.1", { OPENAI_API_KEY: "k" });
    expect([provider.id, modelId, scripted]).toEqual(["openai", "gpt-5.1", false]);
    expect(ref).toEqual({ provider: "openai", modelId: "gpt-5.1", wire: "openai.responses" });
  });

  test.each<[string, ProviderEnv, string]>([
    ["the vendor's own URL", { OPENAI_BASE_URL: "https://api.openai.com/v1" }, "openai.responses"],
    ["another URL", { OPENAI_BASE_URL: "https://openrouter.ai/api/v1" }, "openai.chat"],
    [
      "another URL with the wire set",
      { OPENAI_BASE_URL: "http://127.0.0.1:1/v1", OSSAAT_OPENAI_WIRE: "openai.responses" },
      "openai.responses",
    ],
  ])("%s", async (_name, env, wire) => {
    const { ref } = await resolve("openai/some/model", { OPENAI_API_KEY: "k", ...env });
    expect(ref.wire).toBe(wire);
    expect(ref.modelId).toBe("some/model");
  });

  test("a price is not guessed for another server", async () => {
    const { ref } = await resolve("openai/gpt-5-mini", { OPENAI_BASE_URL: "http://localhost:8080/v1" });
    expect(ref.connection).toBe("localhost:8080");
    expect(priceUsage(ref, { input: { total: 1 }, output: { total: 1 } }).costUsd).toBeNull();
  });

  test.each(["http://localhost:11434/v1", "http://127.0.0.1:8080/v1", "http://[::1]:8080/v1"])(
    "%s needs no key",
    async (url) => {
      const { provider } = await resolve("openai/llama3", { OPENAI_BASE_URL: url });
      expect(provider.id).toBe("openai");
    },
  );

  test("a scripted file is read, answers, and says its notice", async () => {
    const model = await resolve("scripted:demo/script.json");
    expect(model).toMatchObject({ scripted: true, notice: "A demo.", modelId: "script.json" });
    const turn = await collectTurn(model.provider.stream(testRequest()));
    expect(turn.message.parts).toEqual([{ type: "text", text: "hi" }]);
  });

  test.each<[string, ProviderEnv, string]>([
    ["gpt-5", {}, "write openai/MODEL, anthropic/MODEL or scripted:FILE"],
    ["openai/", {}, "is not a model name"],
    ["acme/model", {}, "is not a model name"],
    ["scripted:", {}, "is not a model name"],
    ["openai/two words", {}, "is not a model name"],
    ["openai/gpt-5.1", {}, "OPENAI_API_KEY is not set"],
    ["openai/gpt-5.1", { OPENAI_API_KEY: "  " }, "OPENAI_API_KEY is not set"],
    ["openai/gpt-5.1", { OPENAI_API_KEY: "sk-first\nsk-second" }, "OPENAI_API_KEY holds a blank or a letter"],
    ["anthropic/claude-sonnet-5", { ANTHROPIC_API_KEY: "schlüssel" }, "ANTHROPIC_API_KEY holds a blank or a letter"],
    ["anthropic/claude-sonnet-5", { OPENAI_API_KEY: "k" }, "ANTHROPIC_API_KEY is not set"],
    ["openai/x", { OPENAI_BASE_URL: "https://example.org/v1" }, "OPENAI_API_KEY is not set"],
    ["openai/x", { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "example.org" }, "is not a web address"],
    ["openai/x", { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://example.org/v1" }, "must use https"],
    ["openai/x", { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "https://u:p@example.org" }, "holds a user name"],
    ["openai/x", { OPENAI_API_KEY: "k", OSSAAT_OPENAI_WIRE: "odd" }, "OSSAAT_OPENAI_WIRE must be"],
    ["anthropic/x", { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "ftp://x" }, "is not a web address"],
  ])("%s with %j is refused", async (name, env, message) => {
    await expect(resolve(name, env)).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining(message) as string,
    });
  });

  test("a missing key names the next command", async () => {
    await expect(resolve("anthropic/claude-sonnet-5")).rejects.toMatchObject({
      details: { next: expect.stringContaining("export ANTHROPIC_API_KEY=") as string },
    });
  });
});

describe("pickModel", () => {
  const both = { ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o" };
  test.each([
    [
      { flag: "openai/x", config: "openai/y", env: both },
      { model: "openai/x", source: "flag" },
    ],
    [
      { config: "openai/y", env: both },
      { model: "openai/y", source: "config" },
    ],
    [
      { flag: " ", config: "openai/y", env: both },
      { model: "openai/y", source: "config" },
    ],
    [{ env: both }, { model: defaultModels.anthropic, source: "ANTHROPIC_API_KEY" }],
    [{ env: { OPENAI_API_KEY: "o" } }, { model: defaultModels.openai, source: "OPENAI_API_KEY" }],
    [{ env: { OPENAI_API_KEY: "o", OPENAI_BASE_URL: "https://x/v1" } }, { model: null, source: "none" }],
    [
      { flag: "none", config: "openai/y", env: both },
      { model: null, source: "none" },
    ],
    [{ env: {} }, { model: null, source: "none" }],
  ])("%j picks %j", (options, expected) => {
    expect(pickModel(options)).toEqual(expected);
  });

  test("the default models are known to the registry and to the price table", () => {
    const at = new Date("2026-11-01T00:00:00Z");
    for (const name of Object.values(defaultModels)) {
      const { provider, modelId } = parseModelName(name);
      const usage = { input: { total: 1_000 }, output: { total: 1_000 } };
      expect(priceUsage({ provider, modelId }, usage, at)).toEqual({ costUsd: expect.any(Number), source: "table" });
    }
  });
});
