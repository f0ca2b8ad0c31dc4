// What this process measures: one function for each thing that happens. Durations of spans come from
// their own starts and ends, also when tracing is off, so that traces and metrics tell one story.
import { boundedLabel, counter, gauge, longHistogram, shortHistogram } from "./metrics-registry.ts";

const http = longHistogram({
  name: "ossaat_http_request_seconds",
  help: "Requests until their answer ended, streams included",
  labelNames: ["method", "route", "status"],
});
const step = longHistogram({
  name: "ossaat_step_seconds",
  help: "Attempts of steps",
  labelNames: ["kind", "outcome"],
});
const modelTurn = longHistogram({
  name: "ossaat_model_turn_seconds",
  help: "Requests to models, until the answer is whole",
  labelNames: ["provider", "model", "outcome"],
});
const modelTokens = counter({
  name: "ossaat_model_tokens_total",
  help: "Tokens of answered requests as the vendor counted them; cached ones are part of input",
  labelNames: ["provider", "model", "type"],
});
const modelCost = counter({
  name: "ossaat_model_cost_usd_total",
  help: "Cost of answered requests whose price is known, US dollars",
  labelNames: ["provider", "model"],
});
const unpriced = counter({
  name: "ossaat_model_unpriced_turns_total",
  help: "Answered requests whose cost is unknown",
  labelNames: ["provider", "model"],
});
const toolCall = longHistogram({
  name: "ossaat_tool_call_seconds",
  help: "Calls of tools, as the worker sees them",
  labelNames: ["tool", "outcome"],
});
const toolRun = longHistogram({
  name: "ossaat_tool_run_seconds",
  help: "Calls of tools, as a runner of its own sees them",
  labelNames: ["tool", "outcome"],
});
const claim = shortHistogram({
  name: "ossaat_claim_seconds",
  help: "Taking the lease on a step, its commit included",
  labelNames: ["pool"],
});
const queueWait = longHistogram({
  name: "ossaat_queue_wait_seconds",
  help: "From ready to claimed",
  labelNames: ["pool"],
});
const append = shortHistogram({
  name: "ossaat_event_append_seconds",
  help: "Changes of a plan with the events they append, from their begin to their commit",
  labelNames: [],
});
const events = counter({ name: "ossaat_events_total", help: "Events appended", labelNames: ["type"] });
const stale = counter({
  name: "ossaat_stale_total",
  help: "Messages whose step had moved on, was taken or does not run now",
  labelNames: ["pool"],
});
const held = counter({
  name: "ossaat_held_total",
  help: "Messages that were put into a line, because a cap left no room for their step",
  labelNames: ["pool"],
});
const leaseLost = counter({
  name: "ossaat_lease_lost_total",
  help: "Leases that this process took back, or gave up as lost",
  labelNames: [],
});
const streams = gauge("ossaat_sse_clients", "Event streams that are open in this process");

const modelLabel = boundedLabel();
const toolLabel = boundedLabel();

const outcomeOf = (hasFailed: boolean) => (hasFailed ? "error" : "ok");

/** How long a piece of work took, and how it ended. */
export type Measured = { seconds: number; hasFailed: boolean };

/** One request; `route` is a template, absent when none matched. */
export function measureRequest(
  { method, route, status }: { method: string; route: string | undefined; status: string },
  { seconds }: Measured,
): void {
  http.observe({ method, route: route ?? "none", status }, seconds);
}

export function measureStep({ kind }: { kind: string }, { seconds, hasFailed }: Measured): void {
  step.observe({ kind, outcome: outcomeOf(hasFailed) }, seconds);
}

/** Figures of a turn; an absent one is unknown. */
export type TurnFigures = {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  costUsd?: number | undefined;
};

export function measureModelTurn(
  asked: { provider: string; model: string },
  { seconds, hasFailed }: Measured,
  { inputTokens, outputTokens, costUsd }: TurnFigures,
): void {
  const model = { provider: asked.provider, model: modelLabel(asked.model) };
  modelTurn.observe({ ...model, outcome: outcomeOf(hasFailed) }, seconds);
  if (hasFailed) return;
  if (inputTokens !== undefined) modelTokens.inc({ ...model, type: "input" }, inputTokens);
  if (outputTokens !== undefined) modelTokens.inc({ ...model, type: "output" }, outputTokens);
  if (costUsd === undefined) unpriced.inc(model);
  else modelCost.inc(model, costUsd);
}

export function measureToolCall({ tool }: { tool: string }, { seconds, hasFailed }: Measured): void {
  toolCall.observe({ tool: toolLabel(tool), outcome: outcomeOf(hasFailed) }, seconds);
}

export function measureToolRun({ tool }: { tool: string }, { seconds, hasFailed }: Measured): void {
  toolRun.observe({ tool: toolLabel(tool), outcome: outcomeOf(hasFailed) }, seconds);
}

/** A message led to a claim after `waitedMs`, counted from when the step was ready for this attempt. */
export function measureClaim({ pool, seconds, waitedMs }: { pool: string; seconds: number; waitedMs: number }): void {
  claim.observe({ pool }, seconds);
  queueWait.observe({ pool }, Math.max(0, waitedMs) / 1_000);
}

/** A change of a plan was committed with events of these types. */
export function measureAppend({ seconds, types }: { seconds: number; types: readonly string[] }): void {
  append.observe(seconds);
  for (const type of types) {
    events.inc({ type });
    if (type === "step.lost") leaseLost.inc();
  }
}

/** A message led to nothing. */
export function countStale({ pool }: { pool: string }): void {
  stale.inc({ pool });
}

/** A message waits for room under a cap. */
export function countHeld({ pool }: { pool: string }): void {
  held.inc({ pool });
}

/** An event stream was opened; call what comes back when it ends. */
export function countStream(): () => void {
  streams.inc();
  return () => streams.dec();
}
