// `ossaat export`: a plan as one file that another server can import.
import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { AgentError, isTerminalPlan, statusText } from "@ossaat/contracts";
import type { PlanStatus } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { formatBytes } from "../terminal/format-figures.ts";

export type ExportFlags = { file?: string };

/** @throws AgentError invalid_input: nothing is overwritten */
function chooseFile({ folder }: CommandContext, planId: string, given: string | undefined): string {
  const file = path.resolve(folder, given ?? `${planId}.ossaat.tar`);
  const other = `\`ossaat export ${planId} --file FILE\` with another name`;
  if (existsSync(file)) {
    throw new AgentError("invalid_input", `${file} exists already.`, { details: { next: other } });
  }
  const parent = path.dirname(file);
  if (existsSync(parent)) return file;
  throw new AgentError("invalid_input", `The folder ${parent} does not exist.`, {
    details: { next: `\`mkdir -p ${parent}\`, or ${other}` },
  });
}

/** Only a plan that runs can be paused; one that waits goes on where it is decided. */
function goesOnHere(id: string, status: PlanStatus): string {
  const start = `The plan is ${statusText(status)} and stays here too`;
  if (status !== "running" && status !== "pending") return `${start}: go on with it in one place only.`;
  return `${start}: \`ossaat pause ${id}\` before you go on with it elsewhere.`;
}

/** Under its name the file is whole: it is written beside it first. */
async function writeWhole(body: ReadableStream<Uint8Array>, file: string, signal: AbortSignal): Promise<number> {
  const partial = `${file}.part`;
  try {
    const target = createWriteStream(partial, { mode: 0o600, flush: true });
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), target, { signal });
    await rename(partial, file);
    return target.bytesWritten;
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof AgentError) throw error;
    throw new AgentError("unavailable", `The archive could not be written to ${file}.`, {
      details: { next: `\`df -h\` and \`ls -ld\` of ${path.dirname(file)} say why; then try again` },
      cause: error,
    });
  }
}

/** @throws AgentError invalid_input, not_found, limit_exceeded, unavailable */
export async function exportCommand(
  text: string | undefined,
  flags: ExportFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const { id, status, lastSeq } = await resolvePlan(client, context, text);
  const file = chooseFile(context, id, flags.file);
  const bytes = await withInterrupt(
    context,
    async (signal) => writeWhole(await client.exportPlan(id, { signal }), file, signal),
    { hint: () => "Nothing was exported." },
  );
  if (output.format !== "text") {
    output.json({ schemaVersion: 1, planId: id, status, events: lastSeq, file, bytes });
    return 0;
  }
  output.print(file);
  output.note(`${id}, ${formatBytes(bytes)}.`);
  if (!isTerminalPlan(status)) output.note(goesOnHere(id, status));
  output.note(`Next: ossaat import ${file}, where the plan is to be`);
  return 0;
}
