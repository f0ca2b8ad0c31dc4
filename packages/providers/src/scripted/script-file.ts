// The file format of the scripted model: replies as data. Documented in docs/scripted-model.md.
import { AgentError, describeProblems, schemaProblems } from "@ossaat/contracts";
import { z } from "zod";

import { providerLimits } from "../limits.ts";

const JsonObject = z.record(z.string(), z.unknown());

const ScriptedUsage = z
  .strictObject({
    inputTokens: z.int().nonnegative().optional(),
    cachedInputTokens: z.int().nonnegative().optional(),
    outputTokens: z.int().nonnegative().optional(),
    costUsd: z.number().nonnegative().optional().describe("Cost the reply reports; 0 when absent"),
  })
  .describe("Token counts the reply reports; an absent count is unknown");

const ScriptedFailure = z
  .strictObject({
    kind: z.enum([
      "auth",
      "permission",
      "billing",
      "quota",
      "rateLimit",
      "overloaded",
      "timeout",
      "network",
      "badRequest",
      "contextLength",
      "contentFilter",
      "modelNotFound",
      "conflict",
      "protocol",
      "server",
    ]),
    status: z.int().min(100).max(599).optional(),
    retryAfterMs: z.int().nonnegative().optional(),
    times: z
      .int()
      .positive()
      .optional()
      .describe("Fail only the first N requests of the turn, then give the reply; absent = always fail"),
    afterChunks: z.int().nonnegative().optional().describe("Fail after N pieces of the reply were sent; 0 when absent"),
  })
  .describe("Makes the request fail");

export const ScriptedReply = z
  .strictObject({
    text: z.string().optional().describe("Text of the answer"),
    json: z.unknown().optional().describe("Value sent as the answer's text, for requests with a JSON schema"),
    toolCalls: z
      .array(z.strictObject({ name: z.string().min(1).max(64), input: JsonObject.default({}) }))
      .max(64)
      .optional(),
    usage: ScriptedUsage.optional(),
    finishReason: z
      .enum(["stop", "length", "toolCalls", "contentFilter", "refusal", "pause", "contextExceeded"])
      .optional()
      .describe("toolCalls when there are tool calls, else stop"),
    delayMs: z.int().nonnegative().max(3_600_000).optional().describe("Wait before the first piece"),
    chunkDelayMs: z.int().nonnegative().max(3_600_000).optional().describe("Wait between pieces"),
    error: ScriptedFailure.optional(),
  })
  .describe("One answer of the model");
export type ScriptedReply = z.infer<typeof ScriptedReply>;

const ScriptedMatch = z
  .strictObject({
    agent: z.string().min(1).max(64).describe("Agent profile that asks"),
    step: z.string().min(1).max(64).optional().describe("Step id; planning rounds are plan.1, plan.2 …"),
    turn: z.int().positive().optional().describe("Model turn of the step, 1-based"),
    contains: z.string().min(1).optional().describe("Text that occurs in any message of the request"),
    lastContains: z.string().min(1).optional().describe("Text that occurs in the last message of the request"),
  })
  .describe("All given fields must fit");

export const ScriptFile = z
  .strictObject({
    $schema: z.string().optional(),
    schemaVersion: z.literal(1),
    notice: z.string().max(1_000).optional().describe("Stands in the evidence of runs with this model"),
    contextTokens: z.int().positive().optional().describe("Size of the context window the model states"),
    replies: z
      .array(z.strictObject({ match: ScriptedMatch, reply: ScriptedReply }))
      .max(10_000)
      .describe("The first reply whose match fits is given"),
    fallback: ScriptedReply.optional().describe("Given when no match fits; absent = the request fails"),
  })
  .meta({ title: "Scripted model", description: "Answers of the model scripted:FILE" });
export type ScriptFile = z.infer<typeof ScriptFile>;

function invalid(path: string, problem: string, cause?: unknown): AgentError {
  return new AgentError("invalid_input", `The scripted model file ${path} cannot be used: ${problem}`, {
    details: { path },
    cause,
  });
}

/** Reads the text of a script file. @throws AgentError invalid_input that names file and field */
export function parseScript(path: string, text: string): ScriptFile {
  if (Buffer.byteLength(text) > providerLimits.maxScriptBytes) {
    throw invalid(path, `it is larger than ${providerLimits.maxScriptBytes} bytes.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, "it is not valid JSON.", error);
  }
  const parsed = ScriptFile.safeParse(value);
  if (parsed.success) return parsed.data;
  const [problem] = schemaProblems(parsed.error);
  throw invalid(path, `${describeProblems(problem === undefined ? [] : [problem])}.`);
}
