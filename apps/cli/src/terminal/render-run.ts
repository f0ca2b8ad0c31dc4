// A run as text: the live region, the final summary, and one line an event.
import { countOf } from "@ossaat/contracts";
import type { PlanEvent, PlanState, StepState } from "@ossaat/contracts";

import { clipStyled } from "./clip-styled.ts";
import { escapeExact, escapeLine, goalLine } from "./escape.ts";
import { formatClock, formatCost, formatSeconds, formatTokens } from "./format-figures.ts";
import type { Style } from "./style.ts";

/** Cuts to a width in columns. */
export function clip(text: string, width: number): string {
  return clipStyled(text, width);
}

function durationOf(step: StepState, now: number): string {
  if (step.startedAt === undefined) return "";
  const end = step.finishedAt === undefined ? now : Date.parse(step.finishedAt);
  return formatSeconds(end - Date.parse(step.startedAt));
}

/** When a step that failed in passing goes on, by the clock of the one who reads. */
function waitText({ retryAt, retryAskedBy }: StepState, now: number): string | undefined {
  if (retryAt === undefined) return undefined;
  const time = formatClock(retryAt, now);
  return retryAskedBy === "provider"
    ? `waiting for the provider until ${time} (its Retry-After)`
    : `tries again at ${time}`;
}

function stepLine(
  step: StepState,
  { title, style, width, now }: { title: string; style: Style; width: number; now: number },
): string {
  const figures = [
    durationOf(step, now),
    step.turns > 0 ? countOf(step.turns, "turn") : "",
    step.inputTokens + step.outputTokens > 0 ? `${formatTokens(step.inputTokens + step.outputTokens)} tok` : "",
  ].filter((figure) => figure !== "");
  const right = figures.join(" ");
  const doing = step.activity === undefined ? title : `${title} — ${escapeExact(step.activity)}`;
  const why = step.message !== undefined && step.status !== "succeeded" ? ` (${escapeLine(step.message)})` : "";
  const what = step.status === "backoff" ? (waitText(step, now) ?? doing) : doing;
  const room = Math.max(10, width - step.id.length - right.length - 22);
  return `  ${style.status(step.status).padEnd(style.paint("dim", "").length + 13)} ${step.id}  ${clip(`${what}${why}`, room)}  ${style.paint("dim", right)}`;
}

/** The state of a run in a few lines. */
export function renderRun(
  state: PlanState,
  {
    style,
    width,
    now,
    lastLines,
  }: {
    style: Style;
    width: number;
    now: number;
    /** By step id: the newest line of live text. */
    lastLines?: ReadonlyMap<string, string>;
  },
): string[] {
  const titles = new Map(state.plan?.steps.map((step): [string, string] => [step.id, step.title]));
  const age = formatSeconds(
    (state.finishedAt === undefined ? now : Date.parse(state.finishedAt)) - Date.parse(state.createdAt),
  );
  const spend = `${formatTokens(state.spend.inputTokens)} in, ${formatTokens(state.spend.outputTokens)} out, ${formatCost(state.spend)}`;
  const loud = [...(state.sandbox === "none" ? ["NO SANDBOX"] : []), ...(state.scripted ? ["SCRIPTED MODEL"] : [])];
  const head = style.paint("bold", clip(goalLine(state.goal), Math.max(20, width - 10)));
  const tailLine = (step: StepState): string[] => {
    const text = step.status === "running" ? (lastLines?.get(step.id) ?? "") : "";
    return text === "" ? [] : [style.paint("dim", clip(`      ${text}`, width))];
  };
  const steps = state.steps.length > 0 || state.planning === undefined ? state.steps : [state.planning];
  return [
    head,
    `  ${style.status(state.status)}  ${age}  ${spend}${loud.length === 0 ? "" : `  ${style.paint("yellow", loud.join(", "))}`}`,
    ...steps.flatMap((step) => [
      stepLine(step, { title: escapeLine(titles.get(step.id) ?? "planning"), style, width, now }),
      ...tailLine(step),
    ]),
  ];
}

/** Characters of one event's line; the whole text is in the event. */
const maxLineChars = 400;

type Line = string | undefined;

function approvalLine(event: Extract<PlanEvent, { type: "approval.requested" | "approval.decided" }>): Line {
  if (event.type === "approval.requested") return `needs you: ${event.data.request.title}`;
  return `approval ${event.data.status}${event.data.feedback === undefined ? "" : `: ${event.data.feedback}`}`;
}

/** A call that went well says nothing, but for what it proved: the outcome of commands and tests. */
function toolEndLine({ data }: Extract<PlanEvent, { type: "tool.finished" }>): Line {
  if (data.state !== "completed") return `${data.tool} ${data.state}: ${data.summary}`;
  return data.tool === "run_tests" || data.tool === "run_command" ? data.summary : undefined;
}

/** What went through says nothing here; it is in the evidence. */
function egressLine({ data }: Extract<PlanEvent, { type: "egress.decided" }>): Line {
  if (data.decision === "allowed") return undefined;
  const { method, host, port, path = "", reason = "" } = data;
  return `network denied: ${method} ${host}:${port}${path} (${reason})`;
}

function stepEventLine(event: PlanEvent): Line {
  switch (event.type) {
    case "step.started":
      return `started (attempt ${event.attempt ?? 1})`;
    case "step.backed_off":
      return event.data.askedBy === "provider"
        ? `waiting for the provider until ${event.data.retryAt} (its Retry-After): ${event.data.error.message}`
        : `failed, tries again at ${event.data.retryAt}: ${event.data.error.message}`;
    case "step.lost":
      return "lost its worker, resumes";
    case "step.released":
      return `given back: ${event.data.reason}`;
    case "step.finished":
      return `${event.data.carried === true ? "carried over: " : ""}${event.data.status}${event.data.message === undefined ? "" : `: ${event.data.message}`}`;
    case "tool.started":
      return event.data.title;
    case "tool.finished":
      return toolEndLine(event);
    case "egress.decided":
      return egressLine(event);
    case "model.failed":
      return `model: ${event.data.error.message}`;
    case "model.finished":
      return `model turn ${event.data.turn} (${event.data.provider}, ${event.data.seconds.toFixed(1)}s)`;
    case "merge.conflicted":
      return `conflict in ${event.data.files.join(", ")}`;
    case "approval.requested":
    case "approval.decided":
      return approvalLine(event);
    default:
      return undefined;
  }
}

function planEventLine(event: PlanEvent): Line {
  switch (event.type) {
    case "plan.proposed":
      return `plan proposed, revision ${event.data.plan.revision}, ${countOf(event.data.plan.steps.length, "step")}`;
    case "plan.approved":
      return `plan approved by ${event.actor.id}`;
    case "plan.rejected":
      return "plan rejected";
    case "plan.imported":
      return `imported by ${event.actor.id}, exported at ${event.data.exportedAt}`;
    case "plan.paused":
      return "paused";
    case "plan.resumed":
      return "resumed";
    case "plan.cancel_requested":
      return "cancelling";
    case "plan.revision_requested":
      return `another plan was asked for: ${event.data.feedback}`;
    case "plan.finished":
      return `plan ${event.data.status}${event.data.message === undefined ? "" : `: ${event.data.message}`}`;
    default:
      return undefined;
  }
}

/** One line about an event for a log; undefined for events that say nothing to a person. */
export function eventLine(event: PlanEvent): string | undefined {
  const text = event.type.startsWith("plan.") ? planEventLine(event) : stepEventLine(event);
  if (text === undefined) return undefined;
  const time = event.at.slice(11, 19);
  const [first = "", ...rest] = text.split("\n");
  const shown = clip(rest.length === 0 ? first : `${first} …`, maxLineChars);
  return escapeExact(`${time} ${event.stepId === undefined ? "" : `${event.stepId}: `}${shown}`);
}
