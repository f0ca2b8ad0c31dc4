// What every sandbox driver promises, isolating or not. Isolation itself is what `src/attacks` tries to break.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import { runIn } from "../testing/run-in.ts";
import type { RunOptions } from "../testing/run-in.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import type { Sandbox } from "./sandbox.ts";

export type Subject = {
  /** Makes the driver; `scratchDir` is the runner's own folder. */
  create(scratchDir: string): Sandbox;
  /** `unsandboxed` of every result. */
  unsandboxed: boolean;
};

export function describeSandbox(subject: Subject): void {
  let dir: TempDir;
  let sandbox: Sandbox;
  let count = 0;
  let workspace = "";
  const sh = (script: string, options?: RunOptions) => runIn(sandbox, workspace, ["sh", "-c", script], options);

  beforeAll(() => {
    dir = makeTempDir();
    sandbox = subject.create(dir.at("scratch"));
  });
  afterAll(() => dir.remove());
  beforeEach(() => {
    count += 1;
    workspace = dir.at(`work ${count}`);
    mkdirSync(workspace);
  });

  describe("a run", () => {
    it("reports output by channel, exit code and whether it was isolated", async () => {
      const { seconds, ...run } = await sh("echo out; echo err >&2; exit 7");
      expect(run).toEqual({
        exitCode: 7,
        timedOut: false,
        cancelled: false,
        unsandboxed: subject.unsandboxed,
        stdout: "out\n",
        stderr: "err\n",
      });
      expect(seconds).toBeGreaterThan(0);
    });

    it("passes every argument as it is, without a shell", async () => {
      const words = ["a b", "$HOME", "`id`", "; exit 3", "*", "", "--", "-n", "ä\n\t"];
      const run = await runIn(sandbox, workspace, ["printf", "[%s]", ...words]);
      expect(run).toMatchObject({ exitCode: 0, stdout: words.map((word) => `[${word}]`).join("") });
    });

    it("works in the given folder of the workspace and writes there", async () => {
      mkdirSync(`${workspace}/a/b c`, { recursive: true });
      const run = await sh("pwd; echo written > file", { cwd: "a/b c" });
      expect(run).toMatchObject({ exitCode: 0, stdout: `${sandbox.workspacePath(workspace)}/a/b c\n` });
      expect(readFileSync(`${workspace}/a/b c/file`, "utf8")).toBe("written\n");
    });

    it("has the environment of the request and nothing of this process", async () => {
      process.env["OSSAAT_CANARY"] = "canary-7f3a";
      try {
        const run = await sh("env; tr '\\0' '\\n' < /proc/self/environ", { env: { EXTRA: "given" } });
        expect(run.stdout).toContain("EXTRA=given\n");
        expect(run.stdout).not.toContain("canary-7f3a");
        const names = run.stdout.split("\n").map((line) => line.split("=")[0] ?? "");
        const known = [
          "PATH",
          "HOME",
          "USER",
          "LANG",
          "TERM",
          "TMPDIR",
          "CI",
          "NO_COLOR",
          "EXTRA",
          "PWD",
          "SHLVL",
          "HOSTNAME",
          "_",
        ];
        const tools = [
          "PYTHONDONTWRITEBYTECODE",
          "npm_config_update_notifier",
          "npm_config_offline",
          "GOPROXY",
          "CARGO_HOME",
          "CARGO_NET_OFFLINE",
        ];
        const allowed = new Set([...known, ...tools, "GOTOOLCHAIN", "OLDPWD", ""]);
        expect(names.filter((name) => !allowed.has(name))).toEqual([]);
      } finally {
        delete process.env["OSSAAT_CANARY"];
      }
    });

    it("has a temporary folder, a home folder and shared memory to write", async () => {
      const run = await sh(
        "for d in /tmp $TMPDIR $HOME /dev/shm; do f=$(mktemp -p $d) && echo x > $f && rm $f || echo not $d; done",
      );
      expect(run).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    });

    it("reads nothing from standard input", async () => {
      expect(await runIn(sandbox, workspace, ["cat"])).toMatchObject({ exitCode: 0, stdout: "" });
    });

    it("has this Node", async () => {
      const run = await runIn(sandbox, workspace, ["node", "-p", "process.version"]);
      expect(run).toMatchObject({ exitCode: 0, stdout: `${process.version}\n` });
    });

    it("says that a program does not exist by a failing exit, not by a thrown error", async () => {
      const run = await runIn(sandbox, workspace, ["no-such-program-here"]);
      expect(run.exitCode).toBeGreaterThan(0);
      expect(run.stderr).toContain("no-such-program-here");
    });

    it("passes bytes that are no text through", async () => {
      const parts: Buffer[] = [];
      const onOutput = (_channel: string, data: Buffer): void => void parts.push(data);
      await runIn(sandbox, workspace, ["printf", String.raw`\377\000\376`], { onOutput });
      expect(Buffer.concat(parts)).toEqual(Buffer.from([255, 0, 254]));
    });
  });

  describe("bounds", () => {
    it("ends the process tree at the time limit, however it treats SIGTERM", async () => {
      const { seconds, mark } = markedSleep();
      const run = await sh(`trap '' TERM INT HUP; sleep ${seconds} & sleep ${seconds}`, { limits: { wallMs: 300 } });
      expect(run).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: true, cancelled: false });
      expect(await survivors(mark)).toEqual([]);
    });

    it("ends the process tree when the call is cancelled", async () => {
      const { seconds, mark } = markedSleep();
      const abort = new AbortController();
      const onOutput = (): void => abort.abort();
      const run = await sh(`echo started; sleep ${seconds}`, { signal: abort.signal, onOutput });
      expect(run).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: false, cancelled: true });
      expect(await survivors(mark)).toEqual([]);
    });

    it("starts nothing when the call is cancelled before", async () => {
      const refused = await sh("echo ran > file", { signal: AbortSignal.abort() }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(AgentError);
      expect(refused).toMatchObject({ code: "cancelled" });
    });

    it("ends a run that prints without end", async () => {
      const run = await sh("yes", { limits: { outputBytes: 100_000 } });
      expect(run).toMatchObject({ exitCode: null, limitHit: "output", timedOut: false });
      expect(run.stdout.length).toBeLessThan(1_000_000);
    });

    it("holds the process back while output is not accepted", async () => {
      const accept = Promise.withResolvers<void>();
      let seen = 0;
      const onOutput = (_channel: string, data: Buffer): Promise<void> => {
        seen += data.length;
        return accept.promise;
      };
      const running = sh("i=0; while [ $i -lt 128 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > count; done", {
        onOutput,
      });
      await quiet(() => Number(readCount(`${workspace}/count`)));
      const whileBlocked = Number(readCount(`${workspace}/count`));
      accept.resolve();
      expect(await running).toMatchObject({ exitCode: 0 });
      // Pipes, a read ahead and what an engine buffers; 128 would mean that nobody held it.
      expect(whileBlocked).toBeLessThan(64);
      expect(seen).toBe(128 * 65_536);
    });

    it("limits the size of a file", async () => {
      const run = await sh("head -c 3000000 /dev/zero > big", { limits: { fileBytes: 1_000_000 } });
      expect(run.exitCode).not.toBe(0);
      expect(readFileSync(`${workspace}/big`).length).toBe(1_000_000);
    });

    it("limits open files", async () => {
      const script =
        "import os\nfds=[]\ntry:\n  while True: fds.append(os.dup(0))\nexcept OSError as e: print(len(fds))";
      writeFileSync(`${workspace}/open.py`, script);
      const run = await runIn(sandbox, workspace, ["/usr/bin/python3", "open.py"], { limits: { openFiles: 64 } });
      expect(Number(run.stdout)).toBeLessThan(64);
      expect(Number(run.stdout)).toBeGreaterThan(0);
    });
  });

  it("runs several at once without mixing them", async () => {
    const runs = await Promise.all(
      ["a", "b", "c", "d"].map((name) => {
        mkdirSync(`${workspace}/${name}`);
        return runIn(sandbox, `${workspace}/${name}`, ["sh", "-c", `echo ${name} > f; sleep 0.05; ls; cat f`]);
      }),
    );
    expect(runs.map((run) => run.stdout)).toEqual(["f\na\n", "f\nb\n", "f\nc\n", "f\nd\n"]);
  });

  it("describes itself", async () => {
    const probe = await sandbox.probe();
    expect(probe).toMatchObject({ usable: true, driver: sandbox.driver });
    expect(probe.detail).not.toBe("");
  });
}

function readCount(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "0";
    throw error;
  }
}

/** Settles when a value has not changed for a while. */
async function quiet(read: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 8;) {
    const value = read();
    same = value === last && value > 0 ? same + 1 : 0;
    last = value;
    await sleep(25);
  }
}
