// A plan whose step reaches a host: proposed, shown, approved, run in the box against a real server,
// and told in the log and in the evidence.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { ApprovalDecision } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { createToolRunner } from "@ossaat/tool-runner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { readStepEvents } from "../event/read-events.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry } from "../testing/agent-stack.ts";
import { openTestEngine, user } from "../testing/test-engine.ts";
import { renderEvidence } from "./render-evidence.ts";
import type { Evidence } from "./evidence.ts";

async function probe() {
  const trial = await openTestEngine();
  const runner = createToolRunner({ stateDir: trial.folder, sandbox: "bubblewrap", logger: { warn: () => undefined } });
  const { sandbox } = await runner.health();
  await runner.close();
  await trial.remove();
  return sandbox;
}
const { driver, detail } = await probe();
const reason = driver === "bubblewrap" ? "" : ` (skipped: ${detail})`;

const files = {
  "package.json": '{"name":"demo","type":"module","scripts":{"test":"node --test"}}\n',
  "get.mjs":
    'try { const got = await fetch(process.argv[2]); console.log(got.status, await got.text()); } catch (error) { console.log("failed", error.message); }\n',
  "a.test.js": 'import test from "node:test";\ntest("holds", () => undefined);\n',
};
const call = (agent: string, turn: number, name: string, input: unknown): ScriptEntry => ({
  match: { agent, turn },
  reply: { toolCalls: [{ name, input }] },
});

describe.skipIf(driver !== "bubblewrap")(`a plan that reaches a host${reason}`, () => {
  let stack: AgentStack;
  let server: Server;
  let port = 0;
  let reached = 0;
  let onRequest = (): void => undefined;
  beforeAll(async () => {
    server = createServer((_request, response) => {
      reached += 1;
      onRequest();
      response.end("hello");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
    const resolver = {
      lookup: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      isAllowedAddress: (address: string) => address === "127.0.0.1",
    };
    stack = await openAgentStack({ files, sandbox: "bubblewrap", egress: { resolver } });
  });
  afterAll(async () => {
    await stack.remove();
    server.closeAllConnections();
    server.close();
  });

  const propose = (hosts: string[]) =>
    call("planner", 1, "propose_plan", {
      summary: "Fetch.",
      successCriteria: ["It is fetched."],
      steps: [
        { id: "fetch", title: "Fetch it", summary: "Fetch.", files: ["out.txt"], commands: ["node get.mjs"], hosts },
      ],
    });
  const fetches = (url: string, further: object = {}) => ({ argv: ["node", "get.mjs", url], ...further });
  const ending = [
    call("code-writer", 4, "finish", { summary: "Done." }),
    call("tester", 1, "finish", { summary: "All pass." }),
    call("auditor", 1, "finish", { summary: "Fine.", findings: [] }),
  ];

  test("reaches the host of its list, is told no for another, and asks a person for a third", async () => {
    const url = (host: string) => `http://${host}.example.org:${port}/x`;
    const process = stack.process();
    const planId = await process.create({
      goal: "Fetch it",
      model: stack.script([
        propose([`api.example.org:${port}`]),
        {
          match: { agent: "code-writer", turn: 1 },
          reply: {
            toolCalls: [
              { name: "run_command", input: fetches(url("api")) },
              { name: "run_command", input: fetches(url("other")) },
            ],
          },
        },
        call("code-writer", 2, "run_command", fetches(url("third"), { hosts: [`third.example.org:${port}`] })),
        call("code-writer", 3, "write_file", { path: "out.txt", content: "hello\n" }),
        ...ending,
      ]),
    });
    await process.run(planId);
    const proposed = (await process.state(planId)).plan?.steps[0];
    expect([proposed?.envelope.egressHosts, proposed?.risk, proposed?.metadata["riskReason"]]).toEqual([
      [`api.example.org:${port}`],
      "medium",
      expect.any(String),
    ]);
    expect(reached).toBe(0);
    await process.approve(planId);
    await process.run(planId);

    const [asked] = (await process.state(planId)).approvals.filter(({ status }) => status === "pending");
    expect([asked?.title.includes(`and reach third.example.org:${port}`), asked?.risk, asked?.reaches.hosts]).toEqual([
      true,
      "high",
      [`api.example.org:${port}`, `third.example.org:${port}`],
    ]);
    expect(reached).toBe(1);
    const decision = ApprovalDecision.parse({ decision: "approve", requestHash: asked!.requestHash });
    await decideApproval(stack.engine, { approvalId: asked!.approvalId, decision, actor: user, tenantId: "local" });
    await process.run(planId);

    const state = await process.state(planId);
    expect([state.status, state.message, reached]).toEqual(["succeeded", undefined, 2]);
    const events = await readStepEvents(stack.engine.store.read, planId, "fetch");
    const decided = events.flatMap((event: PlanEvent) => (event.type === "egress.decided" ? [event] : []));
    expect(
      decided.map(({ stepId, data }) => [stepId, data.decision, data.method, data.host, data.reason, data.count]),
    ).toEqual([
      ["fetch", "allowed", "CONNECT", "api.example.org", undefined, 1],
      ["fetch", "denied", "CONNECT", "other.example.org", "host_not_listed", 1],
      ["fetch", "allowed", "CONNECT", "third.example.org", undefined, 1],
    ]);
    expect(decided.every(({ data }) => data.decision === "denied" || (data.bytesUp > 0 && data.bytesDown > 0))).toBe(
      true,
    );
    const evidence = JSON.parse(await stack.engine.artifacts.get(state.evidenceRef ?? "")) as Evidence;
    expect([evidence.isolation, evidence.egress.hosts, evidence.egress.note]).toEqual([
      "bubblewrap, network filtered by host",
      [`api.example.org:${port}`],
      "through the filtering proxy alone: 2 requests allowed, 1 denied",
    ]);
    expect(renderEvidence(evidence)).toContain(
      `- fetch: denied (host_not_listed) \`CONNECT other.example.org:${port}\` 1 times, 0 bytes up, 0 down`,
    );
  });

  test("says that it is not known what a command asked for whose server was killed", async () => {
    const dying = stack.process();
    const model = stack.script([
      propose([`api.example.org:${port}`]),
      call("code-writer", 1, "run_command", fetches(`http://api.example.org:${port}/x`)),
      call("code-writer", 2, "write_file", { path: "out.txt", content: "hello\n" }),
      call("code-writer", 3, "finish", { summary: "Done." }),
      ...ending.slice(1),
    ]);
    const planId = await dying.create({ goal: "Fetch it", model });
    await dying.run(planId);
    await dying.approve(planId);
    onRequest = () => (dying.life.isDead = true);
    await dying.run(planId).catch(() => undefined);
    onRequest = () => undefined;
    const heir = stack.process();
    await heir.start(600_000);
    await heir.run(planId);

    const state = await heir.state(planId);
    expect([state.status, state.message]).toEqual(["succeeded", undefined]);
    const evidence = JSON.parse(await stack.engine.artifacts.get(state.evidenceRef ?? "")) as Evidence;
    const title = `node get.mjs http://api.example.org:${port}/x`;
    expect([evidence.egress.unknown, evidence.egress.requests.map(({ count }) => count), evidence.egress.note]).toEqual(
      [
        [{ stepId: "fetch", title: expect.stringContaining(title), at: expect.any(String) }],
        [1],
        "through the filtering proxy alone: 1 requests allowed, 0 denied; not known is what 1 calls asked for that were broken off",
      ],
    );
    expect(renderEvidence(evidence)).toContain("- fetch: not known, broken off: ");
  });

  test("an agent that does not hold the capability gets no host into a plan", async () => {
    const process = stack.process();
    const steps = [
      {
        id: "fetch",
        title: "Fetch it",
        agent: "tester",
        summary: "Fetch.",
        files: ["out.txt"],
        hosts: ["api.example.org"],
      },
    ];
    const draft = { summary: "Fetch.", successCriteria: ["It is fetched."], steps };
    const planId = await process.create({
      goal: "Fetch it",
      model: stack.script([1, 2, 3].map((turn) => call("planner", turn, "propose_plan", draft))),
    });
    await process.run(planId);
    const { status, message } = await process.state(planId);
    expect([status, message?.includes("steps[0].hosts: the agent tester does not hold network.egress")]).toEqual([
      "failed",
      true,
    ]);
  });
});
