// Attacks that every isolating driver must withstand. Each runs inside a real box and must fail
// there; where the host can tell, the host is asked too.
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { arch } from "node:process";

import { AgentError } from "@ossaat/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { markedSleep, runIn, survivors } from "./sandbox.contract.ts";
import type { RunOptions, Subject } from "./sandbox.contract.ts";
import type { Sandbox } from "./sandbox.ts";

const EPERM = 1;
const ENOSYS = 38;

/** Calls the filter refuses, with numbers by processor. */
const refusedCalls: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    ptrace: 101,
    process_vm_readv: 310,
    process_vm_writev: 311,
    unshare: 272,
    setns: 308,
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    chroot: 161,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    bpf: 321,
    perf_event_open: 298,
    userfaultfd: 323,
    kexec_load: 246,
    kexec_file_load: 320,
    init_module: 175,
    finit_module: 313,
    delete_module: 176,
    open_by_handle_at: 304,
    mknodat: 259,
    reboot: 169,
    sethostname: 170,
    io_uring_setup: 425,
    io_uring_enter: 426,
    io_uring_register: 427,
    open_tree: 428,
    move_mount: 429,
    fsopen: 430,
    pidfd_getfd: 438,
    mount_setattr: 442,
  },
  arm64: { ptrace: 117, unshare: 97, mount: 40, bpf: 280, keyctl: 219, io_uring_setup: 425, perf_event_open: 241 },
};

const python = "/usr/bin/python3";

/** What the memory limit counts: all processes of a run, or each its own. */
export type Isolating = Subject & {
  memoryBound: "all together" | "each process";
  /** Owner of what a payload makes, as the host sees it, where it is not the usual one. */
  payloadUid?: number;
  /** Files of the host whose mode a payload can change: a known limit of the driver. */
  changeable?: readonly string[];
};

export function describeViolations(subject: Isolating): void {
  let dir: TempDir;
  let sandbox: Sandbox;
  let workspace = "";
  let count = 0;

  const sh = (script: string, options?: RunOptions) => runIn(sandbox, workspace, ["sh", "-c", script], options);
  const py = (script: string, options?: RunOptions) => runIn(sandbox, workspace, [python, "-c", script], options);
  /** Runs Python that prints what an attempt gave: "ok" or the error's number. */
  const attempt = async (body: string): Promise<string> => {
    const indented = body.replaceAll("\n", "\n  ");
    const script = `import os, socket, ctypes, fcntl\ntry:\n  ${indented}\n  print("ok")\nexcept OSError as e: print(e.errno)`;
    const run = await py(script);
    expect(run.stderr).toBe("");
    return run.stdout.trim();
  };

  beforeAll(() => {
    dir = makeTempDir();
    sandbox = subject.create(dir.at("state", "box"));
  });
  afterAll(() => dir.remove());
  beforeEach(() => {
    count += 1;
    workspace = dir.at("state", "workspaces", `w${count}`);
    mkdirSync(workspace, { recursive: true });
  });

  describe("network", () => {
    it("has no interface but its own loopback, and no route", async () => {
      const run = await py(
        "import socket; print([name for _, name in socket.if_nameindex()]); print(open('/proc/net/route').read().count(chr(10)))",
      );
      expect(run.stdout).toBe("['lo']\n1\n");
    });

    it.each([
      ["an IPv4 address", "socket.create_connection(('1.1.1.1', 443), 3)"],
      ["an IPv6 address", "socket.create_connection(('2606:4700:4700::1111', 443), 3)"],
      ["an IPv4-mapped address", "socket.socket(socket.AF_INET6).connect(('::ffff:1.1.1.1', 443))"],
      ["UDP", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))"],
      ["the metadata service", "socket.create_connection(('169.254.169.254', 80), 3)"],
    ])("reaches nothing by %s", async (_name, body) => {
      expect(["101", "99", "113"]).toContain(await attempt(body));
    });

    it("resolves no name", async () => {
      const run = await py(
        "import socket\ntry: print(socket.getaddrinfo('example.org', 443))\nexcept socket.gaierror: print('none')",
      );
      expect(run.stdout).toBe("none\n");
    });

    it("does not reach a service on the host's loopback", async () => {
      let connections = 0;
      const server = createServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const { port } = server.address() as AddressInfo;
        expect(await attempt(`socket.create_connection(('127.0.0.1', ${port}), 3)`)).toBe("111");
        expect(connections).toBe(0);
      } finally {
        server.close();
      }
    });

    it("makes no unix socket, so none of the host is reached, abstract ones included", async () => {
      expect(await attempt("socket.socket(socket.AF_UNIX)")).toBe(String(EPERM));
      expect(await attempt("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)")).toBe(String(EPERM));
    });

    it.each([
      ["raw", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"],
      ["packet", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"],
      ["vsock", "socket.socket(40, socket.SOCK_STREAM)"],
      ["netlink of another kind", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)"],
      ["alg", "socket.socket(38, socket.SOCK_SEQPACKET)"],
    ])("makes no %s socket", async (_name, body) => {
      expect(await attempt(body)).toBe(String(EPERM));
    });
  });

  describe("files", () => {
    it.each(["/usr/evil", "/etc/evil", "/evil", "/bin/evil", "/opt/evil", "/dev/evil", "/home/evil", "/var/evil"])(
      "cannot write %s",
      async (path) => {
        const run = await sh(`echo x > ${path}`);
        expect(run.exitCode).not.toBe(0);
        expect(run.stderr).toMatch(/Read-only file system|[Nn]onexistent|No such file|Permission denied/u);
      },
    );

    it.each(["/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger"])(
      "cannot open the kernel's %s for writing",
      async (path) => {
        expect(["2", "13", "30"]).toContain(await attempt(`os.close(os.open('${path}', os.O_WRONLY))`));
      },
    );

    it("finds nothing it may write but its own folders, and nothing of the host it may change the mode of", async () => {
      const script = [
        "import os, re, stat",
        "own = ('/workspace', '/tmp', '/home/agent', '/dev/shm', '/dev/pts')",
        "free = {'/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty', '/dev/ptmx'}",
        // Settings of the box's own namespaces.
        "namespaced = re.compile('/proc/sys/(fs/mqueue/|kernel/(ns_last_pid|pid_max|auto_msgmni|msg|sem|shm))')",
        "is_process = lambda path: path.split('/')[1] == 'proc' and len(path.split('/')) > 2 and (path.split('/')[2].isdigit() or path.split('/')[2] in ('self', 'thread-self'))",
        "def look(path):",
        "  if os.path.islink(path) or path.startswith(own) or is_process(path): return",
        "  if path not in free and not namespaced.match(path) and not path.startswith('/proc/pressure/') and os.access(path, os.W_OK): print('writable', path)",
        "  if not path.startswith(('/usr', '/proc')):",
        "    try: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode)); print('changeable', path)",
        "    except OSError: pass",
        "for top, folders, files in os.walk('/'):",
        "  if top == '/': folders.remove('usr')",
        "  folders[:] = [f for f in folders if not is_process(os.path.join(top, f))]",
        "  for name in folders + files: look(os.path.join(top, name))",
        "print('done')",
      ].join("\n");
      const run = await py(script);
      const limits = (subject.changeable ?? []).map((path) => `changeable ${path}`);
      const found = run.stdout.trimEnd().split("\n").sort();
      expect({ stderr: run.stderr, found }).toEqual({ stderr: "", found: [...limits, "done"].sort() });
    });

    it("sees no home folder, no secret and no state of the runner", async () => {
      const secrets = [
        "/root",
        "/home",
        "/etc/shadow",
        "/etc/ssh",
        "/run",
        "/var",
        "/srv",
        "/mnt",
        dir.path,
        dir.at("state"),
      ];
      const listing = secrets.map((path) => `ls -A ${path} 2>/dev/null | grep -v '^agent$' | sed 's|^|${path} |'`);
      expect(await sh(listing.join("; "))).toMatchObject({ stdout: "" });
      const names = await sh("ls -a $HOME; cat /etc/passwd");
      expect(names.stdout).not.toMatch(/\.ssh|\.aws|\.npmrc|\.docker|\.kube|root/u);
    });

    it("reaches no other workspace", async () => {
      const other = dir.at("state", "workspaces", "other");
      mkdirSync(other, { recursive: true });
      writeFileSync(`${other}/secret`, "of another plan");
      const run = await sh(`cat ${other}/secret ../other/secret /workspace/../other/secret; ls ..`);
      expect(run.stdout).not.toContain("of another plan");
      expect(run.stdout).not.toContain("other");
    });

    it("cannot follow a link out of the workspace", async () => {
      writeFileSync(dir.at("outside"), "outside secret");
      symlinkSync(dir.at("outside"), `${workspace}/link`);
      symlinkSync("../../../outside", `${workspace}/relative`);
      symlinkSync(dir.path, `${workspace}/folder`);
      const run = await sh("cat link relative folder/outside; echo changed > link; echo changed > folder/new");
      expect(run.stdout).toBe("");
      expect(readFileSync(dir.at("outside"), "utf8")).toBe("outside secret");
    });

    it("cannot reach the host through /proc", async () => {
      const targets = ["/proc/1/root", "/proc/self/root", "/proc/1/cwd"].map(
        (path) => `ls ${path}${dir.path} 2>/dev/null`,
      );
      expect(await sh(targets.join("; "))).toMatchObject({ stdout: "" });
      const environments = await sh("cat /proc/*/environ | tr '\\0' '\\n' | cut -d= -f1 | sort -u | tr '\\n' ' '");
      expect(environments.stdout).not.toMatch(/VITEST|NODE_/u);
    });

    it("cannot write the program that runs it", async () => {
      const targets = ["/proc/1/exe", "/proc/self/exe", "/usr/bin/sh", "/opt/ossaat/node/bin/node"];
      for (const target of targets) {
        expect(["13", "26", "30", "1", "2"]).toContain(await attempt(`os.close(os.open('${target}', os.O_WRONLY))`));
      }
    });

    it("gains nothing by setuid", async () => {
      const script = `cp /usr/bin/id ./id && chmod 4755 ./id && ./id -u; grep -E '^(NoNewPrivs|CapEff|CapPrm|CapBnd)' /proc/self/status`;
      const run = await sh(script);
      expect(run.stdout).toBe(
        "10001\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n",
      );
    });

    it("makes no device", async () => {
      const run = await sh("mknod disk b 8 0");
      expect(run.exitCode).not.toBe(0);
    });

    it("fills its temporary folder and nothing else", async () => {
      const run = await sh("head -c 9000000 /dev/zero > /tmp/fill; stat -c %s /tmp/fill", {
        limits: { tmpBytes: 4 * 1024 * 1024 },
      });
      expect(run.stderr).toContain("No space left on device");
      expect(Number(run.stdout)).toBeLessThanOrEqual(4 * 1024 * 1024);
    });

    it("keeps nothing of a run but the workspace", async () => {
      await sh("echo x > /tmp/left; echo x > $HOME/left; echo x > /dev/shm/left; echo x > kept");
      expect(await sh("ls /tmp $HOME /dev/shm . | grep -E 'left|kept'")).toMatchObject({ stdout: "kept\n" });
    });
  });

  describe("the kernel's surface", () => {
    it("refuses the calls that lead out", async () => {
      const calls = refusedCalls[arch] ?? {};
      expect(Object.keys(calls).length).toBeGreaterThan(0);
      const script = [
        "import ctypes, json",
        "libc = ctypes.CDLL(None, use_errno=True)",
        `calls = ${JSON.stringify(calls)}`,
        "result = {}",
        "for name, nr in calls.items():",
        "  ctypes.set_errno(0)",
        "  result[name] = [libc.syscall(nr, 0, 0, 0, 0, 0, 0), ctypes.get_errno()]",
        "print(json.dumps(result))",
      ].join("\n");
      const run = await py(script);
      const expected = Object.fromEntries(Object.keys(calls).map((name) => [name, [-1, EPERM]]));
      expect(JSON.parse(run.stdout)).toEqual(expected);
    });

    it.skipIf(arch !== "x64")("refuses new namespaces by clone, and hides clone3", async () => {
      const script = [
        "import ctypes",
        "libc = ctypes.CDLL(None, use_errno=True)",
        "for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x08000000, 0x04000000, 0x02000000):",
        "  print(libc.syscall(56, flag | 17, 0, 0, 0, 0), ctypes.get_errno())",
        "print(libc.syscall(435, 0, 0), ctypes.get_errno())",
      ].join("\n");
      const lines = [...Array.from({ length: 7 }, () => `-1 ${EPERM}`), `-1 ${ENOSYS}`];
      expect(await py(script)).toMatchObject({ stdout: `${lines.join("\n")}\n` });
    });

    it.skipIf(arch !== "x64")("ends a process that uses the foreign call tables", async () => {
      const run = await py("import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39); print('survived')");
      expect(run.stdout).toBe("");
      expect(run.exitCode).not.toBe(0);
    });

    it("injects nothing into a terminal", async () => {
      const script = [
        "import ctypes",
        "libc = ctypes.CDLL(None, use_errno=True)",
        "for request in (0x5412, 0x541c): print(libc.ioctl(0, request, b'x'), ctypes.get_errno())",
      ].join("\n");
      expect(await py(script)).toMatchObject({ stdout: `-1 ${EPERM}\n-1 ${EPERM}\n` });
    });

    it("sees only its own processes", async () => {
      const run = await sh("ls /proc | grep -c '^[0-9]'; kill -0 $PPID && echo own");
      expect(Number(run.stdout.split("\n")[0])).toBeLessThan(8);
      expect((await sh(`kill -0 ${process.pid}`)).exitCode).not.toBe(0);
    });

    it("holds no descriptor but its three", async () => {
      const secret = dir.at("held-open");
      writeFileSync(secret, "held");
      const { openSync, closeSync } = await import("node:fs");
      const fd = openSync(secret, "r");
      try {
        const run = await py("import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])");
        expect(run.stdout).toBe("[0, 1, 2]\n");
        expect((await sh("cat /proc/1/fd/* /proc/self/fd/3 2>/dev/null")).stdout).not.toContain("held");
      } finally {
        closeSync(fd);
      }
    });
  });

  describe("resources", () => {
    it("bounds a fork bomb", async () => {
      const { mark } = markedSleep();
      const bomb = [
        "import os, sys, time",
        "made = 0",
        "try:",
        "  while made < 2000:",
        "    if os.fork() == 0: time.sleep(60); os._exit(0)",
        "    made += 1",
        `except OSError as e: print(made, e.errno, '${mark}')`,
      ].join("\n");
      const run = await py(bomb, { limits: { processes: 40, wallMs: 20_000 } });
      const [made, errno] = run.stdout.split(" ").map(Number);
      expect(errno).toBe(11);
      expect(made).toBeLessThan(40);
      expect(await survivors(mark)).toEqual([]);
    });

    it("bounds memory", async () => {
      const limits = { memoryBytes: 96 * 1024 * 1024 };
      const asked = subject.memoryBound === "all together" ? "400 * 1024**2" : "40 * 1024**3";
      const run = await py(`print(len(bytearray(${asked})))`, { limits });
      expect(run.stdout).toBe("");
      expect(run.exitCode).not.toBe(0);
      expect(run.limitHit).toBe(subject.memoryBound === "all together" ? "memory" : undefined);
    });

    it("leaves no daemon behind, whatever it detached from", async () => {
      const { seconds, mark } = markedSleep();
      const script = [
        "import os, signal, subprocess",
        "if os.fork() == 0:",
        "  os.setsid()",
        "  if os.fork() == 0:",
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "    for fd in (0, 1, 2): os.close(fd)",
        `    os.execv('/bin/sleep', ['sleep', '${seconds}'])`,
        "  os._exit(0)",
        "os.wait()",
        "print('parent done')",
      ].join("\n");
      expect(await py(script)).toMatchObject({ exitCode: 0, stdout: "parent done\n" });
      expect(await survivors(mark)).toEqual([]);
    });

    it.each(["timeout", "cancel"] as const)("ends a detached daemon at a %s", async (how) => {
      const { seconds, mark } = markedSleep();
      const abort = new AbortController();
      const run = await sh(
        `setsid sleep ${seconds} & (trap '' TERM; setsid setsid sleep ${seconds} &) ; echo on; wait`,
        {
          limits: { wallMs: how === "timeout" ? 400 : 20_000 },
          signal: abort.signal,
          onOutput: () => {
            if (how === "cancel") abort.abort();
          },
        },
      );
      expect(run).toMatchObject({ timedOut: how === "timeout", cancelled: how === "cancel" });
      expect(await survivors(mark)).toEqual([]);
    });

    it("ends the box when its runner asks for it in the middle of set-up", async () => {
      const { seconds, mark } = markedSleep();
      for (let delay = 0; delay < 24; delay += 2) {
        const abort = new AbortController();
        const timer = setTimeout(() => abort.abort(), delay);
        const run = await sh(`sleep ${seconds}`, { signal: abort.signal }).catch((error: unknown) => error);
        clearTimeout(timer);
        expect(run).toMatchObject(
          run instanceof AgentError ? { code: "cancelled" } : { cancelled: true, exitCode: null },
        );
      }
      expect(await survivors(mark)).toEqual([]);
    });

    it("runs several boxes at once without mixing them", async () => {
      const runs = await Promise.all(
        ["a", "b", "c", "d"].map((name) => {
          mkdirSync(`${workspace}/${name}`);
          return runIn(sandbox, `${workspace}/${name}`, ["sh", "-c", `echo ${name} > f; sleep 0.05; ls; cat f`]);
        }),
      );
      expect(runs.map((run) => run.stdout)).toEqual(["f\na\n", "f\nb\n", "f\nc\n", "f\nd\n"]);
    });
  });

  it("runs as nobody's root: its files belong to the runner, or to the box's own user when that is root", async () => {
    writeFileSync(`${workspace}/ours`, "ours");
    const run = await sh("echo more >> ours; echo x > made; id -u");
    expect(run).toMatchObject({ exitCode: 0, stdout: "10001\n" });
    const runner = process.getuid?.() ?? 0;
    const owner = subject.payloadUid ?? (runner === 0 ? 10_001 : runner);
    expect([statSync(`${workspace}/made`).uid, statSync(`${workspace}/ours`).uid]).toEqual([owner, owner]);
  });
}
