// The messages a model is sent, rebuilt from history: the same history gives the same bytes.
import { AgentError } from "@ossaat/contracts";
import type { AssistantMessage, Message, ToolCallPart, ToolResultPart } from "@ossaat/providers";

import { load } from "../artifact/artifacts.ts";
import type { Artifacts } from "../artifact/artifacts.ts";
import { callIdOf } from "./history.ts";
import type { StepHistory } from "./history.ts";

export type LoadedTurn = { turn: number; message: AssistantMessage; finishReason: string; toolCalls: ToolCallPart[] };

export type Conversation = { turns: LoadedTurn[]; messages: Message[]; chars: number };

function isAssistantMessage(value: unknown): value is AssistantMessage {
  return (
    typeof value === "object" && value !== null && "role" in value && value.role === "assistant" && "parts" in value
  );
}

async function loadTurns(artifacts: Artifacts, history: StepHistory): Promise<LoadedTurn[]> {
  const turns: LoadedTurn[] = [];
  for (const { turn, message: stored, finishReason } of history.turns) {
    const message = await load(artifacts, stored);
    if (!isAssistantMessage(message)) throw new AgentError("internal", `The record of model turn ${turn} is damaged.`);
    turns.push({ turn, message, finishReason, toolCalls: message.parts.filter((part) => part.type === "toolCall") });
  }
  return turns;
}

/** Text a tool's stored output shows to the model. */
function outputText(output: unknown): string {
  if (typeof output === "object" && output !== null && "text" in output && typeof output.text === "string")
    return output.text;
  return typeof output === "string" ? output : JSON.stringify(output);
}

async function toolResults(artifacts: Artifacts, history: StepHistory, turn: LoadedTurn): Promise<ToolResultPart[]> {
  const parts: ToolResultPart[] = [];
  for (const [index, call] of turn.toolCalls.entries()) {
    const finished = history.calls.get(callIdOf(turn.turn, index))?.finished;
    if (finished === undefined) continue;
    const text = outputText(await load(artifacts, finished.output));
    parts.push({
      type: "toolResult",
      callId: call.id,
      name: call.name,
      output: { kind: "text", text },
      isError: finished.state !== "completed",
    });
  }
  return parts;
}

/** Everything said so far, after the system prompt. */
export async function loadConversation(
  artifacts: Artifacts,
  history: StepHistory,
  systemPrompt: string,
): Promise<Conversation> {
  const turns = await loadTurns(artifacts, history);
  const first = history.context === undefined ? "" : outputText(await load(artifacts, history.context.message));
  const messages: Message[] = [
    { role: "system", parts: [{ type: "text", text: systemPrompt, cacheHint: true }] },
    { role: "user", parts: [{ type: "text", text: first, cacheHint: true }] },
  ];
  for (const turn of turns) {
    // A cut answer may hold nothing; vendors refuse a message without content.
    if (turn.message.parts.length > 0) messages.push(turn.message);
    const results = await toolResults(artifacts, history, turn);
    if (results.length > 0) messages.push({ role: "tool", parts: results });
    for (const { text } of history.guidance.filter(({ afterTurn }) => afterTurn === turn.turn)) {
      messages.push({ role: "user", parts: [{ type: "text", text }] });
    }
  }
  return { turns, messages, chars: JSON.stringify(messages).length };
}
