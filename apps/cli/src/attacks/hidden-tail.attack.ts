// A command or diff whose harmful end lies far behind what fits a screen.
import type { Attack } from "@ossaat/contracts/testing";

import { approvalCardOf } from "../testing/approval-card-of.ts";

const payload = "rm -rf ~";
const rows = 24;
const columns = 80;

/** Whether the payload is seen on the first screens, and whether the reader is told of the length. */
function seen(text: string) {
  const at = text.indexOf(payload);
  const above = text.slice(0, at).split("\n");
  const lines = above.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  return { isThere: at >= 0, isNear: at >= 0 && lines <= rows, isTold: text.includes("read it to its end") };
}

const blankCommand = approvalCardOf({ argv: ["sh", "-c", `ls${" ".repeat(8_000)}${"\n".repeat(10_000)}${payload}`] });
const blankDiff = approvalCardOf({ diff: `+ls\n${"+\n".repeat(10_000)}+${payload}\n` });
const longCommand = approvalCardOf({
  argv: ["echo", ...Array.from({ length: 2_000 }, (_none, n) => `w${n}`), payload],
});

export const hiddenTail: Attack<void> = {
  id: "hidden-tail",
  title: "hide the payload behind blanks, empty lines or sheer length",
  stride: "S",
  layer: "display escape",
  attempt: () => Promise.resolve([blankCommand, blankDiff, longCommand].map(seen)),
  blocked: () => [
    { isThere: true, isNear: true, isTold: true },
    { isThere: true, isNear: true, isTold: true },
    // Nothing of a command is left out: that it is long is said above it.
    { isThere: true, isNear: false, isTold: true },
  ],
  planted: {
    attempt: () => Promise.resolve(seen(`$ sh -c 'ls${"\n".repeat(10_000)}${payload}'`)),
    gives: () => ({ isThere: true, isNear: false, isTold: false }),
  },
};
