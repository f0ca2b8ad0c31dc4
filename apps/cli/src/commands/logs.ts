// `ossaat logs`: the event log of a plan, and with --outputs what its commands printed.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { CommandRecord, PlanEvent } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { requireStep } from "../repository/require-step.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { escapeText } from "../terminal/escape.ts";
import { eventLine } from "../terminal/render-run.ts";

export type LogsFlags = { follow?: boolean; step?: string; outputs?: boolean; since?: string };

async function commandsOf(client: Client, event: PlanEvent): Promise<CommandRecord[]> {
  if (event.type !== "tool.finished") return [];
  const value = (await client.loadStored(event.planId, event.data.output)) as { commands?: CommandRecord[] } | null;
  return value?.commands ?? [];
}

async function printOutputs(client: Client, event: PlanEvent): Promise<void> {
  for (const { logRef } of await commandsOf(client, event)) {
    for (let from = 0; ;) {
      const { data, totalBytes, nextByte } = await client.readLog(event.planId, logRef, from);
      process.stdout.write(escapeText(data));
      if (nextByte >= totalBytes || nextByte === from) {
        if (!data.endsWith("\n")) process.stdout.write("\n");
        break;
      }
      from = nextByte;
    }
  }
}

/** @throws AgentError invalid_input */
function readSeq(text = "0"): number {
  const seq = Number(text);
  if (Number.isSafeInteger(seq) && seq >= 0) return seq;
  throw new AgentError("invalid_input", `--since takes the number of an event, not ${JSON.stringify(text)}.`, {
    details: { next: "ossaat logs --since 0" },
  });
}

type Printing = { client: Client; context: CommandContext; flags: LogsFlags };

async function printEvent({ client, context, flags }: Printing, event: PlanEvent): Promise<void> {
  if (flags.step !== undefined && event.stepId !== flags.step) return;
  if (context.output.format === "ndjson") {
    context.output.json(event);
    return;
  }
  const line = eventLine(event);
  if (line !== undefined) context.output.print(line);
  if (flags.outputs === true) await printOutputs(client, event);
}

export async function logsCommand(
  text: string | undefined,
  flags: LogsFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  let afterSeq = readSeq(flags.since);
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text);
  requireStep(state, flags.step);
  const printing = { client, context, flags };
  const collected: PlanEvent[] = [];
  for (;;) {
    const page = await client.listEvents(state.id, afterSeq);
    for (const event of page) {
      if (output.format !== "json") await printEvent(printing, event);
      else if (flags.step === undefined || event.stepId === flags.step) collected.push(event);
    }
    const last = page.at(-1);
    if (last === undefined) break;
    afterSeq = last.seq;
  }
  if (output.format === "json") output.json({ schemaVersion: 1, events: collected });
  if (flags.follow !== true || isTerminalPlan(state.status) || output.format === "json") return 0;
  await withInterrupt(context, async (signal) => {
    for await (const item of client.watchPlan(state.id, { afterSeq, signal })) {
      if (item.kind === "state") await printEvent(printing, item.event);
    }
  });
  return 0;
}
