// Commands that do not behave, inside a plan: the run goes on with a clear result, nothing is left
// running, and the server's memory stays bounded. The model is scripted.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { counterFiles, git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterPlan, editSum, finish, turns, writeScript } from "./testing/script.ts";

const goal = "Let sum in src/sum.js add";
/** What a terminal would take for a title and a cleared screen. */
const binaryTail = Buffer.from("\u001b]0;title\u0007\u001b[2J\u0000");
const escaped = [...binaryTail].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const hasSandbox = spawnSync("bwrap", ["--version"]).status === 0;
const mebibyte = 1024 * 1024;

/** What the program `unruly.py` of the repository does, by its first argument; the second one is its mark. */
const unruly = `
import os, signal, sys, time
mode, mark = sys.argv[1], sys.argv[2]

def deaf():
  for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)

def stay():
  deaf()
  while True: time.sleep(60)

if mode == "deaf":
  print("deaf", flush=True)
  stay()
if mode == "children":
  for _ in range(5):
    if os.fork() == 0: stay()
  print("five children", flush=True)
if mode == "daemon":
  if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
      for fd in (0, 1, 2): os.close(fd)
      stay()
    os._exit(0)
  os.wait()
  print("a daemon", flush=True)
if mode == "deaf-tree":
  for _ in range(3):
    if os.fork() == 0:
      os.setsid()
      stay()
  print("a deaf tree", flush=True)
  stay()
if mode == "flood":
  part = (b"x" * 1023 + b"\\n") * 1024
  print("FIRST LINE", flush=True)
  for _ in range(1024): os.write(1, part)
if mode == "long":
  print("FIRST LINE", flush=True)
  for n in range(200000): print("line", n)
  print("LAST LINE", flush=True)
if mode == "binary":
  sys.stdout.buffer.write(bytes(range(256)) * 512 + b"${escaped}")
  sys.stdout.buffer.flush()
`;

let cli: Cli;
let repository: string;
beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"), { ...counterFiles, "unruly.py": unruly });
});
afterAll(() => cli.close());

const program = ["/usr/bin/python3", "unruly.py"];
const frame = [
  ...turns("planner", "plan.1", {
    toolCalls: [
      call("propose_plan", {
        ...counterPlan,
        steps: [{ ...counterPlan.steps[0], commands: [program.join(" ")] }],
      }),
    ],
  }),
  ...counterFrame.slice(1),
];

/** Processes of this machine, in boxes too, whose command line holds the mark; waits for the end of a kill. */
async function survivors(mark: string): Promise<string[]> {
  const lines = () =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/u.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        } catch {
          return "";
        }
      })
      .filter((line) => line.includes(mark));
  for (let attempt = 0; attempt < 80 && lines().length > 0; attempt += 1) await sleep(50);
  return lines();
}

/** Largest memory the server has had since the last call, bytes. */
async function peakMemory(): Promise<number> {
  const pid = await cli.serverPid();
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return Number(/VmHWM:\s+(\d+) kB/u.exec(status)?.[1]) * 1024;
}

/** The value an event names, inline or in the folder of artifacts. */
function readStored(stored: Json): Json {
  if ("value" in stored) return stored.value;
  return JSON.parse(readFileSync(path.join(cli.stateDir, "artifacts", stored.ref.slice(0, 2), stored.ref), "utf8"));
}

type Outcome = { plan: Json; end: Json; text: string; command: Json };

/** A run whose writing step runs the program in one of its modes, and then does its work. */
async function runWith(mode: string, timeoutSeconds: number): Promise<Outcome> {
  const mark = `mark-${process.pid}-${mode}`;
  const argv = [...program, mode, mark];
  const model = await writeScript(path.join(cli.folder, `${mode}.json`), [
    ...frame,
    ...turns(
      "code-writer",
      "fix",
      { toolCalls: [call("run_command", { argv, timeoutSeconds })] },
      { toolCalls: [editSum] },
      finish("Mended."),
    ),
  ]);
  const run = await cli.json(repository, ["run", goal, "--model", model, "--yes"]);
  expect([run.code, run.value.plan.status], run.stderr).toEqual([0, "succeeded"]);
  const { plan } = run.value;
  expect(await survivors(mark)).toEqual([]);
  expect(git(repository, "diff", "--name-only", "main", plan.branch)).toBe("src/sum.js");
  const { events } = (await cli.json(repository, ["logs", plan.id])).value;
  const ended: Json[] = events.filter(
    ({ type, data }: Json) => type === "tool.finished" && data.tool === "run_command",
  );
  expect(ended).toHaveLength(1);
  const [{ data }] = ended as [Json];
  const { text, commands } = readStored(data.output);
  return { plan, end: { state: data.state, exitCode: data.exitCode }, text, command: commands[0] };
}

const outputs = async (plan: Json) => (await cli.run(repository, ["logs", plan.id, "--outputs"])).stdout;

describe.skipIf(!hasSandbox)("in a plan (needs bubblewrap), a command that", () => {
  test.each([
    ["ignores every signal", "deaf", "deaf"],
    ["ignores signals with three children in sessions of their own", "deaf-tree", "a deaf tree"],
  ])("%s is ended after its time", async (_name, mode, printed) => {
    const { end, text, command } = await runWith(mode, 1);
    expect(end).toEqual({ state: "completed", exitCode: null });
    expect(command).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: true });
    expect(text).toMatch(new RegExp(`^\\[ended after its time limit of 1 s after [0-9.]+ s\\]\\n${printed}$`, "u"));
  });

  test.each([
    ["leaves deaf children that hold its output", "children", "five children"],
    ["leaves a daemon after a double fork and setsid", "daemon", "a daemon"],
  ])("%s ends as it ended, and they end with it", async (_name, mode, printed) => {
    const { end, text } = await runWith(mode, 60);
    expect(end).toEqual({ state: "completed", exitCode: 0 });
    expect(text).toMatch(new RegExp(`^\\[exited 0 after [0-9.]+ s\\]\\n${printed}$`, "u"));
  });

  test("writes 1 GB to its output is ended, told so, and takes no memory of the server", async () => {
    await peakMemory();
    const { end, text, command } = await runWith("flood", 60);
    expect(await peakMemory()).toBeLessThan(512 * mebibyte);
    expect(end).toEqual({ state: "completed", exitCode: null });
    expect(text).toMatch(/^\[was ended: it printed more than allowed after [0-9.]+ s\]\nFIRST LINE\n/u);
    expect(text).toContain("bytes left out; the full output is in the log");
    expect(text.length).toBeLessThan(17_000);
    expect(command.logBytes).toBeLessThanOrEqual(32 * mebibyte);
  });

  test("prints two megabytes is shown by head and tail, and kept whole", async () => {
    const { plan, end, text, command } = await runWith("long", 60);
    expect(end).toEqual({ state: "completed", exitCode: 0 });
    const whole = ["FIRST LINE", ...Array.from({ length: 200_000 }, (_, n) => `line ${n}`), "LAST LINE", ""].join("\n");
    const half = 8 * 1024;
    const [head, tail] = [whole.slice(0, half), whole.slice(-half).trimEnd()];
    const omitted = `[… ${whole.length - 2 * half} bytes left out; the full output is in the log …]`;
    expect(text.slice(text.indexOf("\n") + 1)).toBe(`${head}\n${omitted}\n${tail}`);
    expect(command.logBytes).toBe(whole.length);
    expect((await outputs(plan)).includes(whole)).toBe(true);
  });

  test("prints bytes that are no text reaches neither terminal nor model as such, and its log can be read", async () => {
    const { plan, end, text, command } = await runWith("binary", 60);
    expect(end).toEqual({ state: "completed", exitCode: 0 });
    expect(text).toContain("bytes left out; the full output is in the log");
    expect(command.logBytes).toBe(512 * 256 + binaryTail.length);
    const shown = await outputs(plan);
    expect(shown).toContain("title");
    // oxlint-disable-next-line no-control-regex -- what a terminal must never get
    expect(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u.exec(shown)).toBeNull();
  });
});
