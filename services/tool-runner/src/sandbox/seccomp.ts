// The system call filter of the box, generated as classic BPF: no helper program, no library.
// Everything not denied is allowed; what is denied reaches the kernel's rarely hardened parts
// (io_uring, ptrace, bpf, mounts, new namespaces, keys) or other programs of the machine (unix
// sockets, raw sockets, terminal injection).
import { AgentError } from "@ossaat/contracts";

type SyscallTable = {
  /** AUDIT_ARCH value of the architecture. */
  audit: number;
  deny: readonly number[];
  clone: number;
  clone3: number;
  socket: number;
  socketpair: number;
  ioctl: number;
  /** First number of a foreign call table (x32) that must be refused. */
  foreignFrom?: number;
};

// io_uring ×3, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, pidfd_getfd,
// mount_setattr: the same numbers everywhere.
const sharedDeny = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442];

const tables: Readonly<Record<string, SyscallTable>> = {
  x64: {
    audit: 0xc000003e,
    deny: [
      ...sharedDeny,
      101, // ptrace
      310, // process_vm_readv
      311, // process_vm_writev
      272, // unshare
      308, // setns
      165, // mount
      166, // umount2
      155, // pivot_root
      248, // add_key
      249, // request_key
      250, // keyctl
      321, // bpf
      298, // perf_event_open
      323, // userfaultfd
      246, // kexec_load
      320, // kexec_file_load
      175, // init_module
      313, // finit_module
      176, // delete_module
      167, // swapon
      168, // swapoff
      169, // reboot
      163, // acct
      179, // quotactl
      303, // name_to_handle_at
      304, // open_by_handle_at
      312, // kcmp
      212, // lookup_dcookie
      153, // vhangup
      172, // iopl
      173, // ioperm
      154, // modify_ldt
      161, // chroot
      133, // mknod
      259, // mknodat
      164, // settimeofday
      227, // clock_settime
      159, // adjtimex
      305, // clock_adjtime
      170, // sethostname
      171, // setdomainname
    ],
    clone: 56,
    clone3: 435,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    foreignFrom: 0x40000000,
  },
  arm64: {
    audit: 0xc00000b7,
    deny: [
      ...sharedDeny,
      117, // ptrace
      270, // process_vm_readv
      271, // process_vm_writev
      97, // unshare
      268, // setns
      40, // mount
      39, // umount2
      41, // pivot_root
      217, // add_key
      218, // request_key
      219, // keyctl
      280, // bpf
      241, // perf_event_open
      282, // userfaultfd
      104, // kexec_load
      294, // kexec_file_load
      105, // init_module
      273, // finit_module
      106, // delete_module
      224, // swapon
      225, // swapoff
      142, // reboot
      89, // acct
      60, // quotactl
      264, // name_to_handle_at
      265, // open_by_handle_at
      272, // kcmp
      18, // lookup_dcookie
      58, // vhangup
      51, // chroot
      33, // mknodat
      170, // settimeofday
      112, // clock_settime
      171, // adjtimex
      266, // clock_adjtime
      161, // sethostname
      162, // setdomainname
    ],
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
const newNamespaceFlags = 0x7e020080;
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
  for (const nr of table.deny) emit(op.jumpEqual, nr, "eperm");
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

/**
 * The filter as `struct sock_filter[]`, for bwrap's --seccomp.
 * @throws AgentError unavailable for an architecture without a table: no filter, no box.
 */
export function buildSeccompFilter(arch: string): Buffer {
  const table = tables[arch];
  if (table === undefined) {
    throw new AgentError("unavailable", `The sandbox has no system call filter for the processor ${arch}.`);
  }
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
