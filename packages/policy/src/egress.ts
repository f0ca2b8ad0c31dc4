// Which requests of a box may leave it. Pure; the tool runner's proxy asks before anything is sent.
import { isAmbiguousPath, parseEgressEntry } from "@ossaat/contracts";
import type { EgressReason, EgressRule, EgressScheme, Envelope } from "@ossaat/contracts";

import type { ToolCall } from "./check-envelope.ts";

/** A host in its normal spelling, and a port. */
export type EgressTarget = { host: string; port: number };

/** `path` is what will be sent, without its query. */
export type EgressRequest = EgressTarget & { scheme: EgressScheme; method: string; path: string };

export type TunnelVerdict =
  /** `tunnel`: passed through unread. `inspect`: each request inside is judged by itself. */
  { decision: "tunnel" | "inspect" } | { decision: "deny"; reason: EgressReason };

export type RequestVerdict = { decision: "allow" } | { decision: "deny"; reason: EgressReason };

/** Rules of an allow-list. An entry that cannot be read grants nothing. */
export function readEgressRules(entries: readonly string[]): EgressRule[] {
  return entries.flatMap((entry) => {
    const parsed = parseEgressEntry(entry);
    return parsed.ok ? [parsed.rule] : [];
  });
}

/** Whether a rule names the host, whatever the port. */
export function coversHost({ host, isWildcard }: Pick<EgressRule, "host" | "isWildcard">, name: string): boolean {
  return isWildcard ? name.endsWith(`.${host}`) : name === host;
}

function coversTarget(rule: EgressRule, { host, port }: EgressTarget): boolean {
  return coversHost(rule, host) && rule.ports.includes(port);
}

/** A host alone lets everything through, so there is nothing to look at. */
function isSealed(rule: EgressRule): boolean {
  return rule.scheme === undefined && rule.methods.length === 0;
}

/** Judges a tunnel before it is opened. Without rules everything is denied. */
export function judgeTunnel(rules: readonly EgressRule[], target: EgressTarget): TunnelVerdict {
  const covering = rules.filter((rule) => coversTarget(rule, target));
  if (covering.length === 0) return { decision: "deny", reason: "host_not_listed" };
  return { decision: covering.some(isSealed) ? "tunnel" : "inspect" };
}

function coversPath({ path: rule }: EgressRule, path: string): boolean {
  if (rule === undefined) return true;
  if (isAmbiguousPath(path)) return false;
  return rule.isPrefix ? path.startsWith(rule.text) : path === rule.text;
}

/** Judges one request. Without rules everything is denied. */
export function judgeRequest(rules: readonly EgressRule[], request: EgressRequest): RequestVerdict {
  const { scheme, method, path } = request;
  const ofHost = rules.filter(
    (rule) => coversTarget(rule, request) && (rule.scheme === undefined || rule.scheme === scheme),
  );
  if (ofHost.length === 0) return { decision: "deny", reason: "host_not_listed" };
  const ofMethod = ofHost.filter(({ methods }) => methods.length === 0 || methods.includes(method));
  if (ofMethod.length === 0) return { decision: "deny", reason: "method_not_listed" };
  if (ofMethod.some((rule) => coversPath(rule, path))) return { decision: "allow" };
  return { decision: "deny", reason: "path_not_listed" };
}

/** Whether a call may reach the network: a command of a step with hosts, or one that asks for some. */
export function reachesNetwork(call: ToolCall, envelope: Pick<Envelope, "egressHosts">): boolean {
  if (call.tool !== "run_command" && call.tool !== "run_tests") return false;
  const { hosts } = (call.input ?? {}) as { hosts?: unknown };
  return envelope.egressHosts.length > 0 || (Array.isArray(hosts) && hosts.length > 0);
}

/** Whether a list grants all that an entry would: the entry itself, or its host alone with its ports. */
export function isEntryCovered(entry: string, entries: readonly string[]): boolean {
  if (entries.includes(entry)) return true;
  const parsed = parseEgressEntry(entry);
  if (!parsed.ok || parsed.rule.isWildcard) return false;
  const { host, ports } = parsed.rule;
  return ports.every((port) => judgeTunnel(readEgressRules(entries), { host, port }).decision === "tunnel");
}
