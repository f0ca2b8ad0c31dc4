// `ossaat policy check`, `ossaat policy explain` and `ossaat policy replay`.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";

import { AgentError, countOf, exitCodes } from "@ossaat/contracts";
import type {
  CheckedTool,
  ConditionalRule,
  DenyEntry,
  PolicyCheckResponse,
  PolicyReplayRequest,
  PolicyReplayResponse,
  ReplayedDecision,
} from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { escapeLine } from "../terminal/escape.ts";

type Rules = PolicyCheckResponse["rules"];

const where = ({ layer, rule, source }: Pick<DenyEntry, "layer" | "rule" | "source">) =>
  `${layer} rule ${rule}${source === undefined ? "" : ` (${source})`}`;

function reasonIn(rules: Rules, { layer, rule, source }: DenyEntry): string | undefined {
  return rules.find((entry) => entry.layer === layer && entry.rule === rule && entry.source === source)?.why;
}

function whyOf(deny: readonly DenyEntry[], rules: Rules = []): string {
  const reason = (entry: DenyEntry) => {
    const why = reasonIn(rules, entry);
    return why === undefined ? "" : `: ${why}`;
  };
  const about = ({ reason: word, capability }: DenyEntry) =>
    capability === undefined ? word : `${word} ${capability}`;
  return deny.map((entry) => `${about(entry)}, ${where(entry)}${reason(entry)}`).join("; ");
}

function toolLines(tool: CheckedTool, rules: Rules): string[] {
  const { outcome, tool: name, about, deny, conditions } = tool;
  const subject = about === "" ? name : `${name} ${about}`;
  const why = deny.length === 0 ? "" : `  ${whyOf(deny, rules)}`;
  const conditional = (rule: ConditionalRule) => `         ${rule.effect} for ${rule.when}: ${where(rule)}`;
  return [`  ${outcome.padEnd(5)}  ${subject}${why}`, ...conditions.map(conditional)];
}

function renderCheck({ planId, isApproved, tools, counts, rules }: PolicyCheckResponse, showAll: boolean): string[] {
  const isShown = ({ outcome, conditions }: CheckedTool) => showAll || outcome !== "allow" || conditions.length > 0;
  const steps = [...new Set(tools.map(({ stepId }) => stepId))];
  const lines = steps.flatMap((id) => {
    const own = tools.filter(({ stepId }) => stepId === id);
    const shown = own.filter(isShown).flatMap((tool) => toolLines(tool, rules));
    const agent = own[0]?.agent ?? "";
    return [`${id} (${agent})`, ...(shown.length === 0 ? ["  allow  everything in its envelope"] : shown)];
  });
  const basis = isApproved ? "as approved" : "as if it were approved as it stands";
  return [
    `${planId}, ${basis}:`,
    ...lines,
    `${counts.allow} allowed, ${counts.ask} asked about, ${counts.deny} denied.`,
  ];
}

async function checkPlan(context: CommandContext, text: string | undefined) {
  const { client } = await context.connect({ mustFit: true });
  const { id } = await resolvePlan(client, context, text);
  return { id, checked: await client.checkPolicy(id) };
}

/** Exit 0 when nothing is denied, 5 when something is. */
export async function policyCheckCommand(
  text: string | undefined,
  flags: { all?: boolean },
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { checked } = await checkPlan(context, text);
  if (output.format === "text") {
    for (const line of renderCheck(checked, flags.all === true)) output.print(escapeLine(line));
  } else output.json(checked);
  return checked.counts.deny === 0 ? exitCodes.done : exitCodes.denied;
}

/** Why a call would go through: nothing stands against it, and what it rests on. */
function allowedText({ capability, about }: CheckedTool, isApproved: boolean): string {
  const scope = about === "" ? "the step names the tool" : `${about} lies in the step's envelope`;
  const basis = isApproved ? "the plan is approved as it stands" : "the plan would have to be approved as it stands";
  return `no rule stands against ${capability}: ${scope}, and ${basis}`;
}

function explainLines(tool: CheckedTool, { rules, isApproved }: PolicyCheckResponse): string[] {
  const subject = tool.about === "" ? tool.tool : `${tool.tool} ${tool.about}`;
  const because =
    tool.deny.length === 0
      ? [allowedText(tool, isApproved)]
      : tool.deny.map((entry) => `${where(entry)}: ${reasonIn(rules, entry) ?? entry.reason}`);
  const later = tool.conditions.map((rule) => `${rule.effect} for ${rule.when}: ${where(rule)}`);
  return [`  ${tool.outcome}  ${subject}`, ...[...because, ...later].map((line) => `         ${line}`)];
}

/** Which rule decides about each tool of a plan, or of one step, and why; exit 0 whatever is decided. */
export async function policyExplainCommand(
  text: string | undefined,
  stepId: string | undefined,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { id, checked } = await checkPlan(context, text);
  const steps = [...new Set(checked.tools.map((tool) => tool.stepId))];
  if (stepId !== undefined && !steps.includes(stepId)) {
    throw new AgentError("not_found", `${id} has no step ${JSON.stringify(stepId)}: there are ${steps.join(", ")}.`, {
      details: { next: `ossaat policy explain ${id}` },
    });
  }
  const tools = checked.tools.filter((tool) => stepId === undefined || tool.stepId === stepId);
  if (output.format !== "text") {
    output.json({ ...checked, tools });
    return exitCodes.done;
  }
  for (const step of steps.filter((each) => stepId === undefined || each === stepId)) {
    const own = tools.filter((tool) => tool.stepId === step);
    const lines = own.flatMap((tool) => explainLines(tool, checked));
    for (const line of [`${step} (${own[0]?.agent ?? ""})`, ...lines]) output.print(escapeLine(line));
  }
  return exitCodes.done;
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** @throws AgentError invalid_input */
export function parseSince(text: string, now: number): Pick<PolicyReplayRequest, "since" | "afterSeq"> {
  if (/^\d{1,9}$/u.test(text)) return { afterSeq: Number(text) };
  const duration = /^(\d{1,6})([mhdw])$/u.exec(text);
  const [, count = "", unit = ""] = duration ?? [];
  const at = duration === null ? Date.parse(text) : now - Number(count) * (unitsMs[unit] ?? 0);
  const looksLikeDate = duration !== null || /^\d{4}-\d\d-\d\d/u.test(text);
  if (looksLikeDate && Number.isFinite(at)) return { since: new Date(at).toISOString() };
  throw new AgentError(
    "invalid_input",
    `--since takes a time back, a date or an event number, not ${JSON.stringify(text)}.`,
    {
      details: { next: "`ossaat policy replay --since 24h`, `--since 2026-11-01` or, with a plan, `--since 12`" },
    },
  );
}

async function readCandidateFile(file: string): Promise<NonNullable<PolicyReplayRequest["candidate"]>> {
  if (file.endsWith(".wasm")) return { wasm: (await readFile(file)).toString("base64") };
  return { rules: { file, text: await readFile(file, "utf8") } };
}

/** Compiled rules, a policy file, or a folder with either or both. @throws AgentError invalid_input */
async function readCandidate(name: string, folder: string): Promise<NonNullable<PolicyReplayRequest["candidate"]>> {
  const file = path.resolve(folder, name);
  try {
    if (!(await stat(file)).isDirectory()) return await readCandidateFile(file);
    const parts = await Promise.allSettled(
      ["policy.wasm", "policy.json"].map((part) => readCandidateFile(path.join(file, part))),
    );
    const found = parts.flatMap((part) => (part.status === "fulfilled" ? [part.value] : []));
    if (found.length > 0) return Object.assign({}, ...found) as NonNullable<PolicyReplayRequest["candidate"]>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AgentError("invalid_input", `${JSON.stringify(name)} cannot be read (${code ?? "unknown"}).`, {
      cause: error,
    });
  }
  throw new AgentError("invalid_input", `The folder ${JSON.stringify(name)} holds no policy.wasm and no policy.json.`, {
    details: { next: "compile the rules with `make policy-build`, or name a policy file" },
  });
}

function changeLines({ planId, stepId, seq, agent, what, before, after }: ReplayedDecision): string[] {
  const deny = after.deny.length === 0 ? before.deny : after.deny;
  const why = deny.length === 0 ? "" : `  ${whyOf(deny)}`;
  return [
    `  ${before.outcome} → ${after.outcome}  ${planId} ${stepId} #${seq}  ${agent}: ${what}`,
    ...(why === "" ? [] : [`       ${why}`]),
  ];
}

function renderReplay({ plans, decisions, changed, skipped, truncated }: PolicyReplayResponse): string[] {
  const lines = changed.flatMap(changeLines);
  const left = skipped.map(({ planId, why }) => `  left out ${planId}: ${why}`);
  const more = truncated ? ["There are more: name a later --since or a plan."] : [];
  const verdict = `${countOf(decisions, "decision")} of ${countOf(plans, "plan")}, ${changed.length} would be others.`;
  return [...lines, ...left, ...more, verdict];
}

/** Exit 0 whatever differs: the list is the result. */
export async function policyReplayCommand(
  text: string | undefined,
  flags: { since?: string; policy?: string },
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const since = flags.since === undefined ? {} : parseSince(flags.since, Date.now());
  if (since.afterSeq !== undefined && text === undefined) {
    throw new AgentError("invalid_input", "An event number counts within one plan: name the plan too.", {
      details: { next: `ossaat policy replay <plan> --since ${since.afterSeq}` },
    });
  }
  const candidate = flags.policy === undefined ? undefined : await readCandidate(flags.policy, context.folder);
  const { client } = await context.connect({ mustFit: true });
  const replayed = await client.replayPolicy({
    ...since,
    ...(text === undefined ? {} : { planId: (await resolvePlan(client, context, text)).id }),
    ...(candidate === undefined ? {} : { candidate }),
  });
  if (output.format === "text") for (const line of renderReplay(replayed)) output.print(escapeLine(line));
  else output.json(replayed);
  return exitCodes.done;
}
