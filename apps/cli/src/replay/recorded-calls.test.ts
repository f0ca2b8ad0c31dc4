import { hashJson } from "@ossaat/contracts";
import type { ToolEvent, ToolInvocation, ToolService } from "@ossaat/contracts";
import { beforeEach, expect, test } from "vitest";

import { isFeltOutside, withoutReach } from "./recorded-calls.ts";
import type { RecordedCall, RecordedSteps } from "./recorded-calls.ts";

const inputJson = '{"argv":["npm","publish"],"cwd":"."}';
const envelope = { tools: [], paths: [], commands: [], egressHosts: [], secrets: [], budget: {}, effect: "idempotent" };

function invocation(changes: Partial<ToolInvocation> = {}, bounds: object = {}): ToolInvocation {
  return {
    invocationId: "plan-1:fix:2:3.1",
    planId: "plan-1",
    stepId: "fix",
    attempt: 2,
    tool: "run_command",
    inputJson,
    envelope: { ...envelope, ...bounds },
    ...changes,
  } as ToolInvocation;
}

let ran: string[];
const runner: ToolService = {
  async *execute({ invocationId }) {
    ran.push(invocationId);
    yield { seq: 1, state: "completed", occurredAt: "", summary: "it ran", output: { text: "ran" } };
  },
  cancel: () => Promise.resolve(),
  health: () => Promise.reject(new Error("not asked")),
};
beforeEach(() => (ran = []));

function recordingOf(call: RecordedCall): RecordedSteps {
  return new Map([["fix", { calls: new Map([["3.1", call]]) }]]);
}

function recorded(state: "completed" | "failed" = "completed"): RecordedCall {
  return {
    argsHash: hashJson({ tool: "run_command", inputJson }),
    finished: { callId: "3.1", tool: "run_command", state, summary: "", output: { value: 0 }, seconds: 1 },
    readOutput: () => Promise.resolve({ text: "published", egress_requests: [] }),
  };
}

async function ask(call: ToolInvocation, record = recorded()) {
  const tools = withoutReach(runner, () => recordingOf(record));
  const events: ToolEvent[] = [];
  for await (const event of tools.execute(call)) events.push(event);
  return events.map((event) => [
    event.state === "running" ? "" : event.summary,
    event.state === "completed" ? event.output : event.state === "running" ? "" : event.error.message,
  ]);
}

test("commands with a way out, with secrets or with an effect that may happen once are felt outside", () => {
  const felt = (bounds: object, changes: Partial<ToolInvocation> = {}) => isFeltOutside(invocation(changes, bounds));
  expect({
    none: felt({}),
    hosts: felt({ egressHosts: ["example.com"] }),
    asked: felt({}, { inputJson: '{"argv":["curl"],"hosts":["example.com"]}' }),
    secrets: felt({ secrets: ["NPM_TOKEN"] }),
    once: felt({ effect: "once" }),
    tests: felt({ effect: "once" }, { tool: "run_tests", inputJson: "{}" }),
    edit: felt({ effect: "once", egressHosts: ["example.com"] }, { tool: "edit_file", inputJson: "{}" }),
  }).toEqual({ none: false, hosts: true, asked: true, secrets: true, once: true, tests: true, edit: false });
});

test("what is felt outside is answered from the record and not run; the rest runs", async () => {
  const once = { effect: "once" };
  expect(await ask(invocation({}, once))).toEqual([["not repeated: it reaches outside", { text: "published" }]]);
  expect(await ask(invocation({}, once), recorded("failed"))).toEqual([
    ["not repeated: it reaches outside", "published"],
  ]);
  expect(ran).toEqual([]);
  expect(await ask(invocation())).toEqual([["it ran", { text: "ran" }]]);
  expect(ran).toEqual(["plan-1:fix:2:3.1"]);
});

test("another call than the recorded one is refused, and not run either", async () => {
  const nothing = [
    [
      "not repeated: no result is recorded",
      "This call reaches outside of the replay, and the recorded run has no result of it.",
    ],
  ];
  const secrets = { secrets: ["NPM_TOKEN"] };
  expect(await ask(invocation({ inputJson: '{"argv":["npm","publish","--force"]}' }, secrets))).toEqual(nothing);
  expect(await ask(invocation({ invocationId: "plan-1:fix:2:4.0" }, secrets))).toEqual(nothing);
  const { finished: _finished, ...interrupted } = recorded();
  expect(await ask(invocation({}, secrets), interrupted)).toEqual(nothing);
  expect(ran).toEqual([]);
});
