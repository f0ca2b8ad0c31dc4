// System calls that lead out of a box or into rarely hardened parts of the kernel.
import { arch } from "node:process";

import type { RunnerAttack } from "../testing/attack-target.ts";

const script = (numbers: Readonly<Record<string, number>>) => `
results = {name: syscall(number, 0, 0, 0, 0, 0, 0) for name, number in ${JSON.stringify(numbers)}.items()}
found["passed"] = {name: value for name, value in results.items() if value != "EPERM"}
found["refused"] = len(results) - len(found["passed"])`;

const tables: Readonly<Record<string, Readonly<Record<string, number>>>> = {
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

/** Calls the filter refuses, by number. */
const calls = tables[arch] ?? {};

export const forbiddenCalls: RunnerAttack = {
  id: "forbidden-calls",
  title: "ptrace, io_uring, bpf, keys, mounts, modules, kexec and the like",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) => target.py(script(calls)),
  blocked: () => ({ refused: Object.keys(calls).length, passed: {} }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(script({ unshare: calls["unshare"] ?? 0 })),
    gives: () => ({ refused: 0, passed: { unshare: "ok" } }),
  },
};
