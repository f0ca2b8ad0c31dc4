// `ossaat replay`: what the current code makes of a recorded run.
import { AgentError, exitCodes } from "@ossaat/contracts";

import type { CommandContext, CommonFlags } from "../command-context.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { compareRuns } from "../replay/compare-runs.ts";
import type { Comparison, Difference } from "../replay/compare-runs.ts";
import { readRecording } from "../replay/recording.ts";
import { runReplay } from "../replay/run-replay.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { escapeText } from "../terminal/escape.ts";

function differenceText({ at, recorded, replayed }: Difference): string {
  return escapeText(`differs at ${at}: recorded ${recorded}; now ${replayed}`);
}

function render({ steps, end, plan, same }: Comparison): string[] {
  const width = Math.max(4, ...steps.map(({ id }) => id.length));
  const lines = steps.flatMap(({ id, turns, calls, difference, notRepeated = [] }) => {
    const counted = `${turns} ${turns === 1 ? "turn" : "turns"}, ${calls} ${calls === 1 ? "call" : "calls"}`;
    const skipped = notRepeated.map(
      (at) => `  ${"".padEnd(width)}  ${escapeText(at)} not repeated: it reaches outside`,
    );
    return [
      `  ${id.padEnd(width)}  ${difference === undefined ? `same; ${counted}` : differenceText(difference)}`,
      ...skipped,
    ];
  });
  const planned = plan === undefined ? [] : [`  ${"plan".padEnd(width)}  ${differenceText(plan)}`];
  const last = end.recorded === end.replayed ? end.recorded : `recorded ${end.recorded}; now ${end.replayed}`;
  const verdict = same ? "Same behaviour." : "The behaviour differs.";
  return [...planned, ...lines, `  ${"end".padEnd(width)}  ${last}`, verdict];
}

/** @throws AgentError invalid_input (nothing to replay), conflict (sandbox not allowed) */
export async function replayCommand(
  text: string | undefined,
  flags: CommonFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text);
  if (state.retryOf !== undefined) {
    throw new AgentError("invalid_input", `${state.id} is a retry: it took over results of another run.`, {
      details: { next: `ossaat replay ${state.retryOf}` },
    });
  }
  const recording = await readRecording(client, state.id);
  if (recording.options.sandbox === "none" && flags.dangerouslyNoSandbox !== true) {
    throw new AgentError("invalid_input", "The recorded run had no sandbox, and its replay runs commands too.", {
      details: { next: `ossaat --dangerously-no-sandbox replay ${state.id}` },
    });
  }
  const notice = `Recorded turns of ${state.id}: no model is asked.`;
  output.note(`Replaying ${state.id} with its recorded turns; no model is asked.`);
  const onStep = (id: string) => output.note(`  ${escapeText(id)} …`);
  const replayed = await withInterrupt(context, (signal) => runReplay(context, { recording, notice, signal, onStep }));
  const comparison = compareRuns(recording, replayed);
  if (output.format === "text") for (const line of render(comparison)) output.print(line);
  else output.json({ schemaVersion: 1, planId: state.id, ...comparison });
  return comparison.same ? exitCodes.done : exitCodes.runFailed;
}
