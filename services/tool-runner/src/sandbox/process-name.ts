// Names a process for good: its number alone belongs to another one some day.
import { readFile } from "node:fs/promises";

/** Start of a process in clock ticks since boot; undefined = there is none of this number. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name in parentheses may hold anything; what follows it is numbers.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Number and start of this process, as `4711.123456`. */
export async function processName(): Promise<string> {
  return `${process.pid}.${(await startOf(process.pid)) ?? ""}`;
}

/** Whether the process of that name lives. */
export async function isLiving(name: string): Promise<boolean> {
  const [pid = "", start = ""] = name.split(".");
  return (await startOf(Number(pid))) === start;
}
