// `ossaat replay`: what the current code makes of a recorded run.
import { AgentError, exitCodes } from "@ossaat/contracts";

import type { CommandContext, CommonFlags } from "../command-context.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { compareRuns } from "../replay/compare-runs.ts";
import type { Comparison, Difference } from "../replay/compare-runs.ts";
import { readChain } from "../replay/recording.ts";
import { runReplay } from "../replay/run-replay.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { escapeText } from "../terminal/escape.ts";

function differenceText({ at, recorded, replayed }: Difference): string {
  return escapeText(`differs at ${at}: recorded ${recorded}; now ${replayed}`);
}

function render({ steps, end, plan }: Comparison): string[] {
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
  return [...planned, ...lines, `  ${"end".padEnd(width)}  ${last}`];
}

type Run = Comparison & { planId: string };

/** Plans are named where there is more than one: a retry, after what it retries. */
function renderRuns(runs: readonly Run[], same: boolean): string[] {
  const lines = runs.flatMap((run) => [...(runs.length > 1 ? [run.planId] : []), ...render(run)]);
  return [...lines, same ? "Same behaviour." : "The behaviour differs."];
}

/** The plan that was asked for, with `earlier` for the plans it is a retry of. */
function documentOf(runs: readonly Run[], same: boolean): object {
  const earlier = runs.slice(0, -1);
  return { schemaVersion: 1, ...runs.at(-1), same, ...(earlier.length === 0 ? {} : { earlier }) };
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
  const chain = await readChain(client, state.id);
  if (chain.some(({ options }) => options.sandbox === "none") && flags.dangerouslyNoSandbox !== true) {
    throw new AgentError("invalid_input", "The recorded run had no sandbox, and its replay runs commands too.", {
      details: { next: `ossaat --dangerously-no-sandbox replay ${state.id}` },
    });
  }
  const notice = `Recorded turns of ${state.id}: no model is asked.`;
  output.note(`Replaying ${state.id} with its recorded turns; no model is asked.`);
  const onStep = (id: string) => output.note(`  ${escapeText(id)} …`);
  const replayed = await withInterrupt(context, (signal) => runReplay(context, { chain, notice, signal, onStep }));
  const runs = chain.map((recording, index) => ({
    planId: recording.planId,
    ...compareRuns(recording, replayed[index]),
  }));
  const same = runs.every((run) => run.same);
  if (output.format === "text") for (const line of renderRuns(runs, same)) output.print(line);
  else output.json(documentOf(runs, same));
  return same ? exitCodes.done : exitCodes.runFailed;
}
