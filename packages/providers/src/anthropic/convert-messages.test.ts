import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { AssistantPart, Message, ToolResultPart } from "../spec.ts";
import { toAnthropicMessages } from "./convert-messages.ts";

const model = "claude-sonnet-5";
const text = (value: string) => ({ type: "text", text: value }) as const;
const call = (id: string, rawJson: string) => ({ type: "toolCall", id, name: "t", rawJson }) as const;
const result = (callId: string, isError = false): ToolResultPart => ({
  type: "toolResult",
  callId,
  name: "t",
  output: { kind: "text", text: "out" },
  isError,
});
const user = (value: string): Message => ({ role: "user", parts: [text(value)] });
const assistant = (...parts: AssistantPart[]): Message => ({ role: "assistant", parts });
const tool = (...parts: ToolResultPart[]): Message => ({ role: "tool", parts });

describe("Anthropic messages", () => {
  test.each<[string, Message[], object]>([
    [
      "leading system messages go apart",
      [{ role: "system", parts: [text("a")] }, { role: "system", parts: [text("b")] }, user("c")],
      { system: [text("a"), text("b")], messages: [{ role: "user", content: [text("c")] }] },
    ],
    [
      "a later system message stays where it is",
      [user("a"), { role: "system", parts: [text("b")] }],
      { system: [], messages: [{ role: "user", content: [text("a"), text("b")] }] },
    ],
    [
      "results come first in the turn after the calls, guidance behind them",
      [user("a"), assistant(call("c1", '{"x":1}')), user("guidance"), tool(result("c1", true))],
      {
        messages: [
          { role: "user", content: [text("a")] },
          { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "t", input: { x: 1 } }] },
          {
            role: "user",
            content: [{ type: "tool_result", tool_use_id: "c1", content: "out", is_error: true }, text("guidance")],
          },
        ],
      },
    ],
    [
      "ids of other vendors are made to fit, in calls and results alike",
      [assistant(call("call:1|x", "{}")), tool(result("call:1|x"))],
      {
        messages: [
          { role: "assistant", content: [{ type: "tool_use", id: "call_1_x", name: "t", input: {} }] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1_x", content: "out" }] },
        ],
      },
    ],
    [
      "arguments that are no object are wrapped",
      [assistant(call("a", ""), call("b", "[1]"), call("c", "{broken"))],
      {
        messages: [
          {
            role: "assistant",
            content: [
              { type: "tool_use", id: "a", name: "t", input: {} },
              { type: "tool_use", id: "b", name: "t", input: { value: [1] } },
              { type: "tool_use", id: "c", name: "t", input: { raw: "{broken" } },
            ],
          },
        ],
      },
    ],
    [
      "empty text is left out, refusals are text",
      [user(""), assistant(text(""), { type: "refusal", text: "no" })],
      { messages: [{ role: "assistant", content: [text("no")] }] },
    ],
    [
      "images and documents",
      [
        {
          role: "user",
          parts: [
            { type: "media", mimeType: "image/png", source: { kind: "base64", data: "AA==" } },
            { type: "media", mimeType: "application/pdf", source: { kind: "url", url: "https://x/y.pdf" } },
          ],
        },
      ],
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
              { type: "document", source: { type: "url", url: "https://x/y.pdf" } },
            ],
          },
        ],
      },
    ],
  ])("%s", (_name, messages, expected) => {
    expect(toAnthropicMessages(messages, model)).toMatchObject(expected);
  });

  test("roles alternate and results lead their turn, whatever the conversation", () => {
    const anyMessage = fc.oneof(
      fc.constant(user("u")),
      fc.constant(assistant(text("a"))),
      fc.constant(assistant(call("c", "{}"))),
      fc.constant(tool(result("c"))),
      fc.constant<Message>({ role: "system", parts: [text("s")] }),
    );
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 12 }), (messages) => {
        const converted = toAnthropicMessages(messages, model).messages;
        for (const [index, turn] of converted.entries()) {
          expect(turn.role).not.toBe(converted[index - 1]?.role);
          const kinds = turn.content.map((block) => block.type === "tool_result");
          expect(kinds).toEqual(kinds.toSorted((a, b) => Number(b) - Number(a)));
        }
        const blocks = converted.reduce((total, turn) => total + turn.content.length, 0);
        const parts = messages.reduce((total, message) => total + message.parts.length, 0);
        expect(blocks + toAnthropicMessages(messages, model).system.length).toBe(parts);
      }),
    );
  });
});
