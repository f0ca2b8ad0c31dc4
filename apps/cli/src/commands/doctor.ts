// `ossaat doctor`: what is missing on this machine and the command that mends it.
import type { CommandContext } from "../command-context.ts";
import type { Finding } from "../doctor/finding.ts";
import { runDoctor } from "../doctor/run-doctor.ts";
import { escapeLine } from "../terminal/escape.ts";
import type { Style } from "../terminal/style.ts";

export type DoctorFlags = { online?: boolean };

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;

function findingText(
  { id, status, message, next }: Finding,
  { width, style }: { width: number; style: Style },
): string {
  const head = `${style.paint(colours[status], status.padEnd(4))}  ${id.padEnd(width)}  ${escapeLine(message)}`;
  return next === undefined ? head : `${head}\n      ${style.paint("dim", `Next: ${escapeLine(next)}`)}`;
}

/** Returns 1 when something fails; warnings do not count. */
export async function doctorCommand(flags: DoctorFlags, context: CommandContext): Promise<number> {
  const { output, style } = context;
  const findings = await runDoctor(context, { isOnline: flags.online === true });
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const failed = count("fail");
  if (output.format === "json") output.json({ schemaVersion: 1, ok: failed === 0, findings });
  else if (output.format === "ndjson") for (const finding of findings) output.json({ schemaVersion: 1, ...finding });
  else {
    const width = Math.max(...findings.map(({ id }) => id.length));
    for (const finding of findings) output.print(findingText(finding, { width, style }));
    output.note(`${count("ok")} ok, ${count("warn")} to look at, ${failed} failed`);
  }
  return failed === 0 ? 0 : 1;
}
