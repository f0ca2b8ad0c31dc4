// The messages a model is sent, rebuilt from history: the same history gives the same bytes.
import { AgentError } from "@ossaat/contracts";
import type { AssistantMessage, Message, TextPart, ToolCallPart, ToolResultPart } from "@ossaat/providers";

import { load } from "../artifact/artifacts.ts";
import type { Artifacts } from "../artifact/artifacts.ts";
import { clipMiddle } from "./clip-middle.ts";
import { callIdOf } from "./history.ts";
import type { StepHistory } from "./history.ts";

export type LoadedTurn = { turn: number; message: AssistantMessage; finishReason: string; toolCalls: ToolCallPart[] };

export type Conversation = {
  /** Turns that are told in full: those after the newest compaction. */
  turns: LoadedTurn[];
  messages: Message[];
  chars: number;
  /** Characters of each of `turns`, results and guidance included. */
  sizes: { turn: number; chars: number }[];
};

function isAssistantMessage(value: unknown): value is AssistantMessage {
  return (
    typeof value === "object" && value !== null && "role" in value && value.role === "assistant" && "parts" in value
  );
}

async function loadTurns(artifacts: Artifacts, history: StepHistory): Promise<LoadedTurn[]> {
  const turns: LoadedTurn[] = [];
  const told = history.turns.filter(({ turn }) => turn > (history.compaction?.throughTurn ?? 0));
  for (const { turn, message: stored, finishReason } of told) {
    const message = await load(artifacts, stored);
    if (!isAssistantMessage(message)) throw new AgentError("internal", `The record of model turn ${turn} is damaged.`);
    turns.push({ turn, message, finishReason, toolCalls: message.parts.filter((part) => part.type === "toolCall") });
  }
  return turns;
}

/** Text a tool's stored output shows to the model. */
export function outputText(output: unknown): string {
  if (typeof output === "object" && output !== null && "text" in output && typeof output.text === "string")
    return output.text;
  return typeof output === "string" ? output : JSON.stringify(output);
}

/** Largest length that each may keep so that all together keep at most `room`: the short ones stay whole. */
export function fairShare(lengths: readonly number[], room: number): number {
  let left = room;
  for (const [index, length] of lengths.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - index));
    if (length > share) return share;
    left -= length;
  }
  return room;
}

function clipResults(parts: ToolResultPart[], room: number): ToolResultPart[] {
  const textOf = ({ output }: ToolResultPart) => (output.kind === "text" ? output.text : JSON.stringify(output.value));
  const share = fairShare(
    parts.map((part) => textOf(part).length),
    room,
  );
  return parts.map((part) => {
    const text = clipMiddle(textOf(part), share, "the model's window has no room for it; ask for a smaller part");
    return { ...part, output: { kind: "text", text } };
  });
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

/** The step's first message, with the digest of the turns that left. */
async function firstParts(artifacts: Artifacts, { context, compaction }: StepHistory): Promise<TextPart[]> {
  const stored = [context?.message, compaction?.digest];
  const parts: TextPart[] = [];
  for (const value of stored) {
    if (value === undefined) continue;
    parts.push({ type: "text", text: outputText(await load(artifacts, value)), cacheHint: true });
  }
  return parts.length === 0 ? [{ type: "text", text: "" }] : parts;
}

/**
 * Everything said so far, after the system prompt. `room` is how many characters fit the model: the
 * results of one turn take at most half of it.
 */
export async function loadConversation(
  artifacts: Artifacts,
  history: StepHistory,
  { systemPrompt, room }: { systemPrompt: string; room: number },
): Promise<Conversation> {
  const turns = await loadTurns(artifacts, history);
  const messages: Message[] = [
    { role: "system", parts: [{ type: "text", text: systemPrompt, cacheHint: true }] },
    { role: "user", parts: await firstParts(artifacts, history) },
  ];
  const sizes: Conversation["sizes"] = [];
  for (const turn of turns) {
    const start = messages.length;
    // A cut answer may hold nothing; vendors refuse a message without content.
    if (turn.message.parts.length > 0) messages.push(turn.message);
    const results = clipResults(await toolResults(artifacts, history, turn), Math.floor(room / 2));
    if (results.length > 0) messages.push({ role: "tool", parts: results });
    for (const { text } of history.guidance.filter(({ afterTurn }) => afterTurn === turn.turn)) {
      messages.push({ role: "user", parts: [{ type: "text", text }] });
    }
    sizes.push({ turn: turn.turn, chars: JSON.stringify(messages.slice(start)).length });
  }
  return { turns, messages, chars: JSON.stringify(messages).length, sizes };
}
