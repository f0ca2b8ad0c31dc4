// What an attack has before it: a runner with a driver and one open working tree, things of the
// host that nobody in a box may touch, and a record of every call that was made against it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Denial, ToolEvent, ToolInvocation, ToolName } from "@ossaat/contracts";
import { Denial as DenialSchema } from "@ossaat/contracts";
import type { Attack } from "@ossaat/contracts/testing";

import type { Sandbox, SandboxLimits } from "../sandbox/sandbox.ts";
import { openAttackNet } from "./attack-net.ts";
import type { AttackNet } from "./attack-net.ts";
import { describeRecord } from "./egress-world.ts";
import { testHost } from "./host.ts";
import { collectEvents, makeInvocation, openRunner, outcomeOf, wideEnvelope } from "./open-runner.ts";
import type { CallChanges, OpenRunner, Outcome } from "./open-runner.ts";
import { pythonProgram } from "./python-probe.ts";
import { proxyProgram } from "./proxy-probe.ts";
import { makeTempDir } from "./temp-dir.ts";
import type { TempDir } from "./temp-dir.ts";

/** A driver under attack. */
export type AttackedDriver = {
  create(scratchDir: string): Sandbox;
  /** Whether the limits of memory and processes hold for all of a run together and the runner sees them hit. */
  sees: { memory: boolean; processes: boolean };
  /** Who a payload is in the box, and outside of it. */
  uid: { inside: number; outside: number };
  /** Places a payload may write besides the usual ones. */
  ownFolders?: readonly string[];
  /** Files of the host whose mode a payload can change: a known limit of the driver. */
  changeable?: readonly string[];
};

export type AttackTarget = AttackedDriver & {
  open: OpenRunner;
  sandbox: Sandbox;
  isConfined: boolean;
  isRoot: boolean;
  /** A folder of the host beside the working tree, with the file `secret` in it. */
  outside: string;
  /** Home folder of the host's user, with credentials in the usual places. */
  home: string;
  dir: TempDir;
  /** A call that belongs to the attack: it is recorded. */
  call(tool: string, input: unknown, changes?: CallChanges): Promise<Outcome>;
  /** The same for an invocation of the attacker's own making. */
  send(invocation: ToolInvocation, signal?: AbortSignal): Promise<Outcome>;
  /** Runs Python by `run_command` and gives what it put into `found`, or how it ended. */
  py(script: string, changes?: CallChanges): Promise<unknown>;
  /** Runs a shell script by `run_command` and gives what it printed. */
  sh(script: string, changes?: CallChanges): Promise<string>;
  /** What the runner refused, call by call. */
  audit: Denial[][];
  /** What was decided about requests to the network, a line each. */
  egress: string[];
  /** Hosts around an attack that has some. */
  net: AttackNet;
  /** Runs Python with the helpers of `proxy-probe.ts`, the attack's hosts being the step's. */
  viaProxy(script: string): Promise<unknown>;
};

export const secretText = "of the host alone";

/** An attack on the runner. */
export type RunnerAttack = Attack<AttackTarget> & {
  /** `host`: it starts no program, so no driver takes part. */
  against: "host" | "box";
  /** Every refusal the calls leave, as layer and rule, in order; empty = only the calls are recorded. */
  audit(target: AttackTarget): readonly (readonly [layer: Denial["layer"], rule: string])[];
  limits?: Partial<Omit<SandboxLimits, "wallMs">>;
  /** Entries of the step's network list; left out = it has no network. */
  hosts?(net: AttackNet): readonly string[];
  /** Every event about the network the calls leave, as `describeRecord` tells it; left out = none. */
  egress?(target: AttackTarget): readonly string[];
  files?: Readonly<Record<string, string>>;
};

function denialsIn(events: readonly ToolEvent[]): Denial[] {
  const last = events.at(-1);
  if (last === undefined || last.state === "running") throw new Error("the call left no terminal event");
  const terminals = events.filter(({ state }) => state !== "running").length;
  if (terminals !== 1) throw new Error(`the call left ${terminals} terminal events`);
  const named = last.state === "completed" ? last.output.denials : last.error.details?.["denials"];
  return DenialSchema.array().parse(named ?? []);
}

const homeFiles = [".ssh/id_ed25519", ".aws/credentials", ".npmrc", ".docker/config.json", ".kube/config", ".env"];

function plantHost(dir: TempDir): { outside: string; home: string } {
  mkdirSync(dir.at("outside"));
  writeFileSync(dir.at("outside/secret"), secretText);
  for (const file of homeFiles) {
    mkdirSync(join(dir.at("home"), file, ".."), { recursive: true });
    writeFileSync(join(dir.at("home"), file), secretText);
  }
  return { outside: dir.at("outside"), home: dir.at("home") };
}

/** Files of the home folder that hold the secret text. */
export const secretHomeFiles: readonly string[] = homeFiles;

function lastFound(text: string): unknown {
  const line = text.split("\n").findLast((row) => row.startsWith("::"));
  return line === undefined ? undefined : JSON.parse(line.slice(2));
}

/** No command prefix reaches through a shell; it covers a program that becomes one. */
const execShell = `import os, sys; os.execv("/bin/sh", ["sh", "-c", sys.argv[1]])`;

const baseFiles = { "a.txt": "one\n", "src/b.txt": "b\n" };

/** Opens a target; the caller closes it. */
export async function openTarget(
  driver: AttackedDriver,
  attack: RunnerAttack,
): Promise<AttackTarget & { close(): Promise<void> }> {
  const dir = makeTempDir();
  const { outside, home } = plantHost(dir);
  const sandbox = driver.create(dir.at("box"));
  const net = attack.hosts === undefined ? undefined : await openAttackNet();
  const options = {
    driver: sandbox,
    host: { ...testHost, home },
    limits: attack.limits ?? {},
    ...(net === undefined ? {} : { egress: net.options }),
  };
  const open = await openRunner({ ...baseFiles, ...attack.files }, options);
  const audit: Denial[][] = [];
  const egress: string[] = [];
  const send = async (invocation: ToolInvocation, signal?: AbortSignal): Promise<Outcome> => {
    const events = await collectEvents(open.tools.execute(invocation, signal === undefined ? {} : { signal }));
    audit.push(denialsIn(events));
    const outcome = outcomeOf(events);
    egress.push(...(outcome.output?.egress_requests ?? []).map(describeRecord));
    return outcome;
  };
  const call = (tool: string, input: unknown, changes?: CallChanges) => send(makeInvocation(tool, input, changes));
  const run = (argv: string[], changes?: CallChanges) => call("run_command" satisfies ToolName, { argv }, changes);
  const isConfined = sandbox.driver !== "none";
  const py: AttackTarget["py"] = async (script, changes) => {
    const { state, text, output, code } = await run(["/usr/bin/python3", "-c", pythonProgram(script)], changes);
    const ended = output?.commands?.at(-1);
    return lastFound(text) ?? { state, code, exitCode: ended?.exitCode, signal: ended?.signal };
  };
  const needNet = (): AttackNet => {
    if (net === undefined) throw new Error("the attack names no hosts");
    return net;
  };
  return {
    ...driver,
    open,
    sandbox,
    isConfined,
    isRoot: process.getuid?.() === 0,
    outside,
    home,
    dir,
    audit,
    call,
    send,
    egress,
    get net() {
      return needNet();
    },
    py,
    viaProxy(script) {
      const { naivePort } = needNet();
      const egressHosts = [...(attack.hosts?.(needNet()) ?? [])];
      return py(proxyProgram(script, isConfined ? undefined : naivePort), {
        envelope: { ...wideEnvelope, egressHosts },
      });
    },
    async sh(script, changes) {
      const { text } = await run(["/usr/bin/python3", "-c", execShell, script], changes);
      return text.split("\n").slice(1).join("\n");
    },
    async close() {
      await open.close();
      net?.close();
      dir.remove();
    },
  };
}

/** What the host's secret holds now. */
export function secretOf({ outside }: Pick<AttackTarget, "outside">): string {
  return readFileSync(join(outside, "secret"), "utf8");
}
