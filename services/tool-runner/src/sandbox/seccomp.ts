// The system call filter of the box, generated as classic BPF: no helper program, no library.
// Everything not denied is allowed; what is denied reaches the kernel's rarely hardened parts
// (io_uring, ptrace, bpf, mounts, new namespaces, keys) or other programs of the machine (unix
// sockets, raw sockets, terminal injection).
import { AgentError } from "@ossaat/contracts";

/** Refused calls, by name. */
type Calls = Readonly<Record<string, number>>;

type SyscallTable = {
  /** AUDIT_ARCH value of the architecture. */
  audit: number;
  deny: Calls;
  clone: number;
  clone3: number;
  socket: number;
  socketpair: number;
  ioctl: number;
  /** First number of a foreign call table (x32) that must be refused. */
  foreignFrom?: number;
};

/** The same numbers everywhere. */
const sharedDeny: Calls = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  mount_setattr: 442,
};

const tables: Readonly<Record<string, SyscallTable>> = {
  x64: {
    audit: 0xc000003e,
    deny: {
      ...sharedDeny,
      ptrace: 101,
      process_vm_readv: 310,
      process_vm_writev: 311,
      unshare: 272,
      setns: 308,
      mount: 165,
      umount2: 166,
      pivot_root: 155,
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
      swapon: 167,
      swapoff: 168,
      reboot: 169,
      acct: 163,
      quotactl: 179,
      name_to_handle_at: 303,
      open_by_handle_at: 304,
      kcmp: 312,
      lookup_dcookie: 212,
      vhangup: 153,
      iopl: 172,
      ioperm: 173,
      modify_ldt: 154,
      chroot: 161,
      mknod: 133,
      mknodat: 259,
      settimeofday: 164,
      clock_settime: 227,
      adjtimex: 159,
      clock_adjtime: 305,
      sethostname: 170,
      setdomainname: 171,
    },
    clone: 56,
    clone3: 435,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    foreignFrom: 0x40000000,
  },
  arm64: {
    audit: 0xc00000b7,
    deny: {
      ...sharedDeny,
      ptrace: 117,
      process_vm_readv: 270,
      process_vm_writev: 271,
      unshare: 97,
      setns: 268,
      mount: 40,
      umount2: 39,
      pivot_root: 41,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      bpf: 280,
      perf_event_open: 241,
      userfaultfd: 282,
      kexec_load: 104,
      kexec_file_load: 294,
      init_module: 105,
      finit_module: 273,
      delete_module: 106,
      swapon: 224,
      swapoff: 225,
      reboot: 142,
      acct: 89,
      quotactl: 60,
      name_to_handle_at: 264,
      open_by_handle_at: 265,
      kcmp: 272,
      lookup_dcookie: 18,
      vhangup: 58,
      chroot: 51,
      mknodat: 33,
      settimeofday: 170,
      clock_settime: 112,
      adjtimex: 171,
      clock_adjtime: 266,
      sethostname: 161,
      setdomainname: 162,
    },
    clone: 220,
    clone3: 435,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
  },
};

const op = { load: 0x20, jumpEqual: 0x15, jumpGreaterEqual: 0x35, jumpSet: 0x45, and: 0x54, ret: 0x06 } as const;
const verdict = { allow: 0x7fff0000, eperm: 0x00050001, enosys: 0x00050026, kill: 0x80000000 } as const;
/** Any CLONE_NEW* flag. */
export const newNamespaceFlags = 0x7e020080;
const offsetOf = { nr: 0, arch: 4, arg: (index: number) => 16 + 8 * index };

type Instruction = { code: number; k: number; yes?: string; no?: string };

function assemble(table: SyscallTable): { program: Instruction[]; labels: Map<string, number> } {
  const program: Instruction[] = [];
  const labels = new Map<string, number>();
  const emit = (code: number, k: number, yes?: string, no?: string): void => {
    program.push({ code, k, ...(yes === undefined ? {} : { yes }), ...(no === undefined ? {} : { no }) });
  };
  const label = (name: string): void => void labels.set(name, program.length);

  emit(op.load, offsetOf.arch);
  emit(op.jumpEqual, table.audit, "native", "kill");
  label("native");
  emit(op.load, offsetOf.nr);
  if (table.foreignFrom !== undefined) emit(op.jumpGreaterEqual, table.foreignFrom, "kill");
  // clone3 hides its flags behind a pointer; ENOSYS makes libc fall back to clone.
  emit(op.jumpEqual, table.clone3, "enosys");
  for (const nr of Object.values(table.deny)) emit(op.jumpEqual, nr, "eperm");
  emit(op.jumpEqual, table.clone, "clone");
  emit(op.jumpEqual, table.socket, "socket");
  emit(op.jumpEqual, table.ioctl, "ioctl");
  emit(op.jumpEqual, table.socketpair, "socketpair");
  emit(op.ret, verdict.allow);

  label("clone");
  emit(op.load, offsetOf.arg(0));
  emit(op.jumpSet, newNamespaceFlags, "eperm", "allow");
  label("socket");
  emit(op.load, offsetOf.arg(0));
  emit(op.jumpEqual, 2, "inet");
  emit(op.jumpEqual, 10, "inet");
  emit(op.jumpEqual, 16, "netlink", "eperm");
  // NETLINK_ROUTE only: os.networkInterfaces() throws without it.
  label("netlink");
  emit(op.load, offsetOf.arg(2));
  emit(op.jumpEqual, 0, "allow", "eperm");
  label("inet");
  emit(op.load, offsetOf.arg(1));
  emit(op.and, 0xff);
  emit(op.jumpEqual, 3, "eperm", "allow");
  // AF_UNIX pairs stay: they reach nobody else, and Node's child stdio needs them.
  label("socketpair");
  emit(op.load, offsetOf.arg(0));
  emit(op.jumpEqual, 1, "allow", "eperm");
  label("ioctl");
  emit(op.load, offsetOf.arg(1));
  emit(op.jumpEqual, 0x5412, "eperm");
  emit(op.jumpEqual, 0x541c, "eperm", "allow");
  for (const name of ["allow", "eperm", "enosys", "kill"] as const) {
    label(name);
    emit(op.ret, verdict[name]);
  }
  return { program, labels };
}

/** @throws AgentError unavailable for an architecture without a table: no filter, no box. */
export function syscallTable(arch: string): SyscallTable {
  const table = tables[arch];
  if (table !== undefined) return table;
  throw new AgentError("unavailable", `The sandbox has no system call filter for the processor ${arch}.`);
}

/** The filter as `struct sock_filter[]`, for bwrap's --seccomp. @throws AgentError unavailable */
export function buildSeccompFilter(arch: string): Buffer {
  const table = syscallTable(arch);
  const { program, labels } = assemble(table);
  const bytes = Buffer.alloc(program.length * 8);
  const distance = (name: string | undefined, index: number): number => {
    if (name === undefined) return 0;
    const jump = (labels.get(name) ?? Number.NaN) - index - 1;
    if (!(jump >= 0 && jump <= 255)) throw new AgentError("internal", `The filter cannot jump to ${name}.`);
    return jump;
  };
  program.forEach(({ code, k, yes, no }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(distance(yes, index), index * 8 + 2);
    bytes.writeUInt8(distance(no, index), index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}
