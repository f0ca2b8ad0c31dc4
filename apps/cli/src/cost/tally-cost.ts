// What model turns used and cost, by step and model, from the event log. Pure.
import type { PlanEvent, PlanEventOf } from "@ossaat/contracts";

export type CostRow = {
  stepId: string;
  /** `provider/model`; of a broken turn, the model that the step asked. */
  model: string;
  turns: number;
  /** Turns that broke and may have been charged. */
  brokenTurns: number;
  inputTokens: number;
  /** Of the input; null = no turn said so. */
  cachedTokens: number | null;
  outputTokens: number;
  /** Tokens that nobody counted and the platform estimated; not in the sums of input and output. */
  estimatedTokens: number;
  costUsd: number;
  /** Turns whose price is unknown; they are not in `costUsd`. */
  unknownCostTurns: number;
  scripted: boolean;
};

export type CostSum = Omit<CostRow, "stepId" | "model" | "scripted">;

const blankSum: CostSum = {
  turns: 0,
  brokenTurns: 0,
  inputTokens: 0,
  cachedTokens: null,
  outputTokens: 0,
  estimatedTokens: 0,
  costUsd: 0,
  unknownCostTurns: 0,
};

/** Adds up; an unknown share of cached tokens stays unknown until somebody says a number. */
export function addCosts(rows: readonly CostSum[]): CostSum {
  return rows.reduce<CostSum>(
    (sum, row) => ({
      turns: sum.turns + row.turns,
      brokenTurns: sum.brokenTurns + row.brokenTurns,
      inputTokens: sum.inputTokens + row.inputTokens,
      cachedTokens:
        sum.cachedTokens === null && row.cachedTokens === null
          ? null
          : (sum.cachedTokens ?? 0) + (row.cachedTokens ?? 0),
      outputTokens: sum.outputTokens + row.outputTokens,
      estimatedTokens: sum.estimatedTokens + row.estimatedTokens,
      costUsd: sum.costUsd + row.costUsd,
      unknownCostTurns: sum.unknownCostTurns + row.unknownCostTurns,
    }),
    blankSum,
  );
}

type TurnEvent = PlanEventOf<"model.finished"> | PlanEventOf<"model.failed">;

function usedBy({ type, data }: TurnEvent): CostSum {
  const { inputTokens = 0, outputTokens = 0, cachedInputTokens } = data.usage ?? {};
  const costUsd = data.costUsd;
  const isCounted =
    inputTokens + outputTokens > 0 && (data.tokens === undefined || data.tokens === inputTokens + outputTokens);
  return {
    turns: type === "model.finished" ? 1 : 0,
    brokenTurns: type === "model.failed" ? 1 : 0,
    inputTokens: isCounted ? inputTokens : 0,
    cachedTokens: cachedInputTokens ?? null,
    outputTokens: isCounted ? outputTokens : 0,
    estimatedTokens: isCounted ? 0 : (data.tokens ?? 0),
    costUsd: costUsd ?? 0,
    unknownCostTurns: costUsd === null ? 1 : 0,
  };
}

function isTurn(event: PlanEvent): event is TurnEvent {
  return event.type === "model.finished" || event.type === "model.failed";
}

/** One row a step and model, in the order in which they first spent something. */
export function tallyCost(events: readonly PlanEvent[]): CostRow[] {
  const rows = new Map<string, CostRow>();
  const asked = new Map<string, string>();
  for (const event of events) {
    if (!isTurn(event)) continue;
    const stepId = event.stepId ?? "";
    const model =
      event.type === "model.finished" ? `${event.data.provider}/${event.data.model}` : (asked.get(stepId) ?? "unknown");
    asked.set(stepId, model);
    const key = JSON.stringify([stepId, model]);
    const before = rows.get(key);
    const scripted = event.type === "model.finished" && event.data.scripted;
    const sum = addCosts(before === undefined ? [usedBy(event)] : [before, usedBy(event)]);
    rows.set(key, { stepId, model, scripted: scripted || before?.scripted === true, ...sum });
  }
  return [...rows.values()];
}
