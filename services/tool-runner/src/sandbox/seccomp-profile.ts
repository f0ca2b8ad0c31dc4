// The same system call filter in the form container engines take: names and conditions as JSON.
import { newNamespaceFlags, syscallTable } from "./seccomp.ts";

type Condition = { index: number; value: number; valueTwo: number; op: "SCMP_CMP_MASKED_EQ" };
type Rule = { names: string[]; action: "SCMP_ACT_ERRNO"; errnoRet: number; args?: Condition[] };

const eperm = 1;
const enosys = 38;
const families = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
/** Families up to 2⁵ are refused one by one, all others by the bits they have beyond. */
const familyBits = 5;
const rawSocket = 3;
/** Put into the terminal's input; paste from its selection. */
const terminalRequests = [0x5412, 0x541c];

const architectures: Readonly<Record<string, string>> = { x64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

// The kernel reads 32 bits of these arguments. Compared as 64 they could be passed off as others.
const is = (index: number, value: number, mask = 0xffff_ffff): Condition => ({
  index,
  value: mask,
  valueTwo: value,
  op: "SCMP_CMP_MASKED_EQ",
});

const refuse = (names: string[], args?: Condition[], errnoRet = eperm): Rule => ({
  names,
  action: "SCMP_ACT_ERRNO",
  errnoRet,
  ...(args === undefined ? {} : { args }),
});

/** A bit at a time: no condition says "other than". */
function bitsOf(mask: number): number[] {
  return Array.from({ length: 32 }, (_none, bit) => 2 ** bit).filter((bit) => Math.floor(mask / bit) % 2 === 1);
}

function socketRules(): Rule[] {
  const allowed: readonly number[] = [families.inet, families.inet6, families.netlink];
  const low = Array.from({ length: 2 ** familyBits }, (_none, family) => family);
  const high = bitsOf(0xffff_ffff - (2 ** familyBits - 1));
  return [
    ...low.filter((family) => !allowed.includes(family)).map((family) => refuse(["socket"], [is(0, family)])),
    ...high.map((bit) => refuse(["socket"], [is(0, bit, bit)])),
    // NETLINK_ROUTE alone is left: a bit of any other protocol is refused.
    ...bitsOf(0xffff_ffff).map((bit) => refuse(["socket"], [is(0, families.netlink), is(2, bit, bit)])),
    ...[families.inet, families.inet6].map((family) => refuse(["socket"], [is(0, family), is(1, rawSocket, 0xff)])),
    // AF_UNIX, which is 1, alone is left.
    refuse(["socketpair"], [is(0, 0)]),
    ...bitsOf(0xffff_ffff - families.unix).map((bit) => refuse(["socketpair"], [is(0, bit, bit)])),
  ];
}

/** The profile as JSON text. @throws AgentError unavailable for an architecture without a table */
export function buildSeccompProfile(arch: string): string {
  const { deny } = syscallTable(arch);
  return JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    // Another call table of the processor, such as x32, ends the process.
    architectures: [architectures[arch]],
    syscalls: [
      refuse(Object.keys(deny)),
      refuse(["clone3"], undefined, enosys),
      ...bitsOf(newNamespaceFlags).map((flag) => refuse(["clone"], [is(0, flag, flag)])),
      ...socketRules(),
      ...terminalRequests.map((request) => refuse(["ioctl"], [is(1, request)])),
    ],
  });
}
