// Which reply a request gets: a pure function of the script and the request, so that a
// restarted process gives the same answer to the same turn.
import type { Message, ModelRequest, Part } from "../spec.ts";
import type { ScriptFile, ScriptedReply } from "./script-file.ts";

function partText(part: Part): string {
  switch (part.type) {
    case "text":
    case "reasoning":
    case "refusal":
      return part.text;
    case "toolCall":
      return `${part.name} ${part.rawJson}`;
    case "toolResult":
      return part.output.kind === "text" ? part.output.text : JSON.stringify(part.output.value);
    case "media":
    case "custom":
    default:
      return "";
  }
}

function messageText(message: Message): string {
  return message.parts.map((part) => partText(part)).join("\n");
}

/** The first line `Goal: …` of the conversation. */
function findGoal(messages: readonly Message[]): string {
  for (const message of messages) {
    const found = /^Goal: (.*)$/m.exec(messageText(message));
    if (found !== null) return found[1] ?? "";
  }
  return "";
}

function fillText(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
}

function fill(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return fillText(value, values);
  if (Array.isArray(value)) return value.map((item) => fill(item, values));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, values)]));
  }
  return value;
}

function withPlaceholders(reply: ScriptedReply, request: ModelRequest): ScriptedReply {
  const { planId, stepId, agent, turn } = request.metadata;
  const values = { planId, stepId, agent, turn: String(turn), goal: findGoal(request.messages) };
  return {
    ...reply,
    ...(reply.text === undefined ? {} : { text: fillText(reply.text, values) }),
    ...(reply.json === undefined ? {} : { json: fill(reply.json, values) }),
    ...(reply.toolCalls === undefined
      ? {}
      : {
          toolCalls: reply.toolCalls.map((call) => ({
            name: call.name,
            input: fill(call.input, values) as Record<string, unknown>,
          })),
        }),
  };
}

/** The reply to a request, placeholders filled in; undefined when none fits. */
export function resolveReply(script: ScriptFile, request: ModelRequest): ScriptedReply | undefined {
  const { agent, stepId, turn } = request.metadata;
  const texts = request.messages.map((message) => messageText(message));
  const found = script.replies.find(
    ({ match }) =>
      match.agent === agent &&
      (match.step === undefined || match.step === stepId) &&
      (match.turn === undefined || match.turn === turn) &&
      (match.contains === undefined || texts.some((text) => text.includes(match.contains ?? ""))) &&
      (match.lastContains === undefined || (texts.at(-1) ?? "").includes(match.lastContains)),
  );
  const reply = found?.reply ?? script.fallback;
  return reply === undefined ? undefined : withPlaceholders(reply, request);
}
