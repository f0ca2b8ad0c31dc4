// The provider contract on the HTTP wires, against a third-party mock of the vendors' APIs.
import { LLMock } from "@copilotkit/aimock";

import { createAnthropicProvider } from "./anthropic/anthropic-provider.ts";
import { describeModelProvider } from "./model-provider.contract.ts";
import { createOpenAIProvider } from "./openai/openai-provider.ts";

async function startMock(): Promise<LLMock> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  const call = (path: string) => ({ name: "read_file", arguments: JSON.stringify({ path }) });
  mock.on({ hasToolResult: true }, { content: "It says one." });
  mock.onMessage("hello", { content: "Hi there, friend." });
  mock.onMessage("read it", { toolCalls: [call("a.ts")] });
  mock.onMessage("two calls", { toolCalls: [call("a.ts"), call("b.ts")] });
  mock.onMessage("as json", { content: JSON.stringify({ ok: true }) });
  await mock.start();
  return mock;
}

describeModelProvider("openai.responses", async () => {
  const mock = await startMock();
  return {
    provider: createOpenAIProvider({ apiKey: "k", baseUrl: `${mock.url}/v1`, wire: "openai.responses" }),
    modelId: "gpt-5.1",
    close: () => mock.stop(),
  };
});

describeModelProvider("openai.chat", async () => {
  const mock = await startMock();
  return {
    provider: createOpenAIProvider({
      apiKey: "k",
      baseUrl: `${mock.url}/v1`,
      wire: "openai.chat",
      connection: "local",
    }),
    modelId: "gpt-4.1",
    close: () => mock.stop(),
  };
});

describeModelProvider("anthropic.messages", async () => {
  const mock = await startMock();
  return {
    provider: createAnthropicProvider({ apiKey: "k", baseUrl: mock.url }),
    modelId: "claude-sonnet-5",
    close: () => mock.stop(),
  };
});
