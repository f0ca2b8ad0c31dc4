// Whether an agent goes in circles: rounds of equal calls with equal results, or one tool that
// fails again and again in the same way. Pure; the log's calls are all it reads.
import type { CallRecord } from "./history.ts";
import { stepLimits } from "./limits.ts";

export type Loop = {
  /** What repeats, for the model and for people. */
  what: string;
  /** False = the model is told; true = the step ends. */
  isFinal: boolean;
};

function keyOf({ tool, argsHash, finished }: CallRecord): string {
  return `${tool} ${argsHash ?? ""} ${finished?.state ?? ""} ${finished?.resultHash ?? JSON.stringify(finished?.output)}`;
}

/** How often the last `period` calls repeat at the end of the list. */
function countRounds(keys: readonly string[], period: number): number {
  let rounds = 1;
  for (let end = keys.length - period; end >= period; end -= period) {
    const isSame = keys.slice(end - period, end).every((key, index) => key === keys[end + index]);
    if (!isSame) break;
    rounds += 1;
  }
  return keys.length < period ? 0 : rounds;
}

function findRounds(calls: readonly CallRecord[]): Loop | undefined {
  const keys = calls.filter(({ argsHash }) => argsHash !== undefined).map(keyOf);
  for (let period = 1; period <= stepLimits.maxLoopPeriod; period += 1) {
    const rounds = countRounds(keys, period);
    if (rounds < stepLimits.loopWarnAt) continue;
    const what =
      period === 1
        ? `the last ${rounds} calls were the same and gave the same result`
        : `the last ${rounds * period} calls were ${rounds} times the same ${period}, with the same results`;
    return { what, isFinal: rounds >= stepLimits.loopEndAt };
  }
  return undefined;
}

/** A failure without what differs from try to try. */
function failureClass({ finished }: CallRecord): string | undefined {
  if (finished?.state !== "failed" && finished?.state !== "denied") return undefined;
  return `${finished.state} ${finished.summary.replace(/\d+/g, "#")}`;
}

function findSameFailure(calls: readonly CallRecord[], controlTool: string): Loop | undefined {
  const last = calls.at(-1);
  if (last === undefined || last.tool === controlTool) return undefined;
  const wanted = failureClass(last);
  if (wanted === undefined) return undefined;
  const ofTool = calls.filter(({ tool }) => tool === last.tool);
  const other = ofTool.findLastIndex((call) => failureClass(call) !== wanted);
  const count = ofTool.length - 1 - other;
  if (count < stepLimits.sameFailureWarnAt) return undefined;
  const what = `the last ${count} calls of ${last.tool} failed in the same way (${last.finished?.summary ?? ""})`;
  return { what, isFinal: count >= stepLimits.sameFailureEndAt };
}

/** The loop that the newest call closes; undefined = there is none. `calls` in the order they finished. */
export function findLoop(calls: readonly CallRecord[], controlTool: string): Loop | undefined {
  const found = [findRounds(calls), findSameFailure(calls, controlTool)];
  return found.find((loop) => loop?.isFinal === true) ?? found.find((loop) => loop !== undefined);
}
