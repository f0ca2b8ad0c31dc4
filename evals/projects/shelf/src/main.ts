// The command: what is overdue in a file of members and loans.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { isDay } from "./dates.ts";
import type { Loan } from "./loans.ts";
import { indexMembers } from "./members.ts";
import type { Member } from "./members.ts";
import { listOverdue, renderOverdue } from "./overdue.ts";

type Data = { members: Member[]; loans: Loan[] };

export function run(args: readonly string[], print: (text: string) => void): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { today: { type: "string" } },
  });
  const [file] = positionals;
  const today = values.today ?? new Date().toISOString().slice(0, 10);
  if (file === undefined || !isDay(today)) {
    print("usage: node src/main.ts FILE [--today YYYY-MM-DD]");
    return 2;
  }
  const { members, loans } = JSON.parse(readFileSync(file, "utf8")) as Data;
  print(renderOverdue(listOverdue(loans, indexMembers(members), today)));
  return 0;
}

if (import.meta.main) process.exitCode = run(process.argv.slice(2), console.log);
