import { describe, expect, test } from "vitest";

import type { Message, Part } from "../spec.ts";
import { toChatMessages, toResponsesInput } from "./convert-messages.ts";

const model = "gpt-5.1";
const image = { type: "media", mimeType: "image/png", source: { kind: "base64", data: "AA==" } } as const;
const link = { type: "media", mimeType: "image/png", source: { kind: "url", url: "https://x/y.png" } } as const;
const pdf = { type: "media", mimeType: "application/pdf", source: { kind: "base64", data: "AA==" } } as const;
const call = { type: "toolCall", id: "c1", name: "read_file", rawJson: '{"path":"a"}' } as const;
const bareCall = { type: "toolCall", id: "c2", name: "git_status", rawJson: "" } as const;
const result = (isError: boolean) =>
  ({ type: "toolResult", callId: "c1", name: "read_file", output: { kind: "text", text: "out" }, isError }) as const;
const jsonResult = {
  type: "toolResult",
  callId: "c1",
  name: "read_file",
  output: { kind: "json", value: { a: 1 } },
  isError: false,
} as const;
const thought = { type: "reasoning", id: "rs", summary: [], encrypted_content: "e" };
const reasoning = (modelId: string) =>
  ({ type: "reasoning", text: "hm", carry: { wire: "openai.responses", modelId, data: thought } }) as const;
const foreign = {
  type: "reasoning",
  text: "hm",
  carry: { wire: "anthropic.messages", modelId: model, data: {} },
} as const;
const text = (value: string) => ({ type: "text", text: value }) as const;

function message(role: Message["role"], ...parts: Part[]): Message {
  return { role, parts } as Message;
}

describe("Responses input", () => {
  test.each<[string, Message, object[]]>([
    ["system", message("system", text("a"), text("b")), [{ role: "developer", content: "ab" }]],
    ["user text", message("user", text("a")), [{ role: "user", content: "a" }]],
    [
      "user media",
      message("user", text("a"), image, link, pdf),
      [
        {
          role: "user",
          content: [
            { type: "input_text", text: "a" },
            { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AA==" },
            { type: "input_image", detail: "auto", image_url: "https://x/y.png" },
            { type: "input_file", file_data: "data:application/pdf;base64,AA==", filename: "file" },
          ],
        },
      ],
    ],
    [
      "assistant text and calls",
      message("assistant", text("a"), call, bareCall),
      [
        { role: "assistant", content: "a" },
        { type: "function_call", call_id: "c1", name: "read_file", arguments: '{"path":"a"}' },
        { type: "function_call", call_id: "c2", name: "git_status", arguments: "{}" },
      ],
    ],
    ["own reasoning", message("assistant", reasoning(model)), [thought]],
    ["another model's reasoning", message("assistant", reasoning("gpt-4")), []],
    ["another wire's reasoning", message("assistant", foreign), []],
    ["refusal", message("assistant", { type: "refusal", text: "no" }), [{ role: "assistant", content: "no" }]],
    ["custom", message("assistant", { type: "custom", wire: "gemini.generate", data: {} }), []],
    ["result", message("tool", result(false)), [{ type: "function_call_output", call_id: "c1", output: "out" }]],
    [
      "failed result",
      message("tool", result(true)),
      [{ type: "function_call_output", call_id: "c1", output: "The tool failed: out" }],
    ],
    ["json result", message("tool", jsonResult), [{ type: "function_call_output", call_id: "c1", output: '{"a":1}' }]],
  ])("%s", (_name, input, expected) => {
    expect(toResponsesInput([input], model)).toEqual(expected);
  });
});

describe("Chat messages", () => {
  test.each<[string, Message, object[]]>([
    ["system", message("system", text("a"), text("b")), [{ role: "system", content: "ab" }]],
    ["user text", message("user", text("a")), [{ role: "user", content: "a" }]],
    [
      "user media",
      message("user", text("a"), image, pdf),
      [
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
            { type: "file", file: { file_data: "data:application/pdf;base64,AA==", filename: "file" } },
          ],
        },
      ],
    ],
    [
      "assistant with calls and no text",
      message("assistant", foreign, call),
      [
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c1", type: "function", function: { name: "read_file", arguments: '{"path":"a"}' } }],
        },
      ],
    ],
    ["assistant with reasoning alone", message("assistant", foreign), []],
    [
      "results, one message each",
      message("tool", result(false), jsonResult),
      [
        { role: "tool", tool_call_id: "c1", content: "out" },
        { role: "tool", tool_call_id: "c1", content: '{"a":1}' },
      ],
    ],
  ])("%s", (_name, input, expected) => {
    expect(toChatMessages([input])).toEqual(expected);
  });
});
