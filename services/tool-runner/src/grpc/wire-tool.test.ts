import { AgentError, Envelope, hashGrant } from "@ossaat/contracts";
import type { ToolEvent, ToolInvocation } from "@ossaat/contracts";
import { ToolEvent as WireEvent, ToolInvocation as WireInvocation } from "@ossaat/contracts/proto/agent";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { makeInvocation } from "../testing/open-runner.ts";
import { fromWireEvent, fromWireInvocation, toWireEvent, toWireInvocation } from "./wire-tool.ts";

const at = "2026-01-01T00:00:00.000Z";
const names = { invocationId: "i", planId: "p", stepId: "s" };

/** Through the bytes, as another process would get it. */
const overWire = (invocation: ToolInvocation) =>
  fromWireInvocation(WireInvocation.decode(WireInvocation.encode(toWireInvocation(invocation)).finish()));
const eventOverWire = (event: ToolEvent) =>
  fromWireEvent(WireEvent.decode(WireEvent.encode(toWireEvent(event, names)).finish()));

describe("an invocation", () => {
  it("arrives whole, and its grant still fits, whatever the envelope holds", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    const envelope = fc.record({
      tools: fc.array(word, { maxLength: 3 }),
      paths: fc.array(word, { maxLength: 3 }),
      commands: fc.array(word, { maxLength: 3 }),
      budget: fc.record({ maxCostUsd: fc.double({ min: 0.01, max: 1e6, noNaN: true }), later: fc.jsonValue() }),
      effect: fc.constantFrom("pure", "idempotent", "once"),
      "field of a later version": fc.jsonValue(),
    });
    const changes = fc.record({
      attempt: fc.nat(100),
      fence: fc.option(fc.nat(), { nil: undefined }),
      timeoutSeconds: fc.nat(3_600),
      approvedOutside: fc.boolean(),
      metadata: fc.dictionary(
        word.filter((key) => key !== "__proto__"),
        word,
        { maxKeys: 3 },
      ),
    });
    fc.assert(
      fc.property(envelope, changes, fc.jsonValue(), (bounds, more, input) => {
        // JSON has no -0, and neither has what a decision was hashed over.
        const parsed = Envelope.parse(JSON.parse(JSON.stringify(bounds)));
        const invocation = makeInvocation("edit_file", input, { ...more, envelope: parsed });
        const arrived = overWire(invocation);
        expect(arrived).toEqual(invocation);
        expect(hashGrant(arrived)).toBe(invocation.grant);
      }),
    );
  });

  it("is refused rather than changed when the wire cannot carry a key", () => {
    const metadata = JSON.parse('{"__proto__": "x"}') as Record<string, string>;
    const invocation = makeInvocation("git_log", {}, { metadata });
    expect(() => overWire(invocation)).toThrow(expect.objectContaining({ code: "invalid_input" }));
  });

  it("carries expiry and resume point only when they are there", () => {
    const plain = makeInvocation("git_log", {});
    expect(Object.keys(overWire(plain))).not.toContain("grantExpiresAt");
    const full = { ...makeInvocation("git_log", {}, { grantExpiresAt: at }), afterSeq: 9_007_199_254_740_991 };
    expect(overWire(full)).toEqual(full);
  });
});

describe("an event", () => {
  const output = {
    text: "töxt",
    changedPaths: ["a b\nc"],
    commands: [],
    tests: { runner: "r", status: "passed" as const, failures: [] },
  };

  it.each<ToolEvent>([
    { seq: 1, state: "running", occurredAt: at },
    { seq: 2, state: "running", occurredAt: at, chunk: { channel: "stderr", data: "é\u0000\uFFFD😀" } },
    { seq: 3, state: "completed", occurredAt: at, summary: "done", output },
    { seq: 4, state: "failed", occurredAt: at, summary: "no", error: { code: "conflict", message: "no" } },
    {
      seq: 5,
      state: "failed",
      occurredAt: at,
      summary: "no",
      output,
      error: { code: "timeout", message: "no", details: { a: [1] } },
    },
    { seq: 6, state: "cancelled", occurredAt: at, summary: "off", error: { code: "cancelled", message: "off" } },
  ])("arrives whole: $seq $state", (event) => {
    expect(eventOverWire(event)).toEqual(event);
  });

  it.each([
    ["of no state", {}],
    ["of an unknown state", { state: "paused" }],
    ["completed without a result", { state: "completed" }],
    ["with a result that is no JSON", { state: "completed", outputJson: "{" }],
  ])("%s is tool_failed", (_name, fields) => {
    expect(() => fromWireEvent(WireEvent.create(fields))).toThrow(AgentError);
    try {
      fromWireEvent(WireEvent.create(fields));
    } catch (error) {
      expect(error).toMatchObject({ code: "tool_failed" });
    }
  });

  it("with a code of a later version is still a failure", () => {
    const wire = WireEvent.create({ state: "failed", seq: 2, error: { code: "brand_new", message: "m" } });
    expect(fromWireEvent(wire)).toMatchObject({ state: "failed", error: { code: "tool_failed", message: "m" } });
  });
});
