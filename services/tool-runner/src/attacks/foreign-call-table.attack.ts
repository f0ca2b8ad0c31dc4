// Another call table of the same processor has other numbers for the same calls.
import { arch } from "node:process";

import type { RunnerAttack } from "../testing/attack-target.ts";

const foreign = `
libc.syscall(0x40000000 + 39)
found["survived"] = True`;

/** The other processors have one table only: a program that ends the same way. */
const endedAnyway = "os.kill(os.getpid(), signal.SIGSYS)";

export const foreignCallTable: RunnerAttack = {
  id: "foreign-call-table",
  title: "use the x32 call table",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) => target.py(arch === "x64" ? foreign : endedAnyway),
  blocked: () => ({ state: "completed", code: undefined, exitCode: 159, signal: undefined }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(arch === "x64" ? foreign : `found["survived"] = True`),
    gives: () => ({ survived: true }),
  },
};
