// What a check of `ossaat doctor` says.
import { AgentError } from "@ossaat/contracts/errors";

export type Finding = {
  /** Name of what was checked, for example `git`. */
  id: string;
  status: "ok" | "warn" | "fail";
  message: string;
  /** The command that mends it, or what a person has to do. */
  next?: string;
};

export const ok = (id: string, message: string): Finding => ({ id, status: "ok", message });

export const warn = (id: string, message: string, next?: string): Finding =>
  next === undefined ? { id, status: "warn", message } : { id, status: "warn", message, next };

export const fail = (id: string, message: string, next: string): Finding => ({ id, status: "fail", message, next });

/**
 * A finding made of an error. Many errors name `ossaat doctor` as what helps: that was just asked, so that the
 * check says itself what mends it.
 */
export function failOf(id: string, thrown: unknown, mends: string): Finding {
  const { message, next } = AgentError.from(thrown);
  return fail(id, message, nextOf(next, mends));
}

/** What an error or a part names as the next step, but neither `ossaat doctor` nor `ossaat status`, which tells less. */
export function nextOf(next: string | undefined, mends: string): string {
  return next === undefined || /\bossaat (?:doctor|status)\b/u.test(next) ? mends : next;
}

/** Whether a dotted version is at least another. */
export function isAtLeast(version: string, least: string): boolean {
  const parts = (text: string) => text.split(".").map((part) => Number.parseInt(part, 10) || 0);
  const have = parts(version);
  for (const [index, need] of parts(least).entries()) {
    const part = have[index] ?? 0;
    if (part !== need) return part > need;
  }
  return true;
}
