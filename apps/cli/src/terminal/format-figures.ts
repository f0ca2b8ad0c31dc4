// Times, sizes, tokens and money as people read them.

import { countOf } from "@ossaat/contracts";

export function formatSeconds(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}m${String(seconds % 60).padStart(2, "0")}s`
    : `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`;
}

/** Below this wait, ms, seconds of a clock time matter. */
const nearMs = 120_000;

/** A time by the reader's clock, as short as it stays clear: `14:03`, `14:03:20`, `11-27 02:03`. */
export function formatClock(at: string, now: number): string {
  const time = new Date(at);
  const pad = (value: number) => String(value).padStart(2, "0");
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}`;
  if (time.toDateString() !== new Date(now).toDateString()) {
    return `${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${clock}`;
  }
  return Math.abs(time.getTime() - now) < nearMs ? `${clock}:${pad(time.getSeconds())}` : clock;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1_000 ** power).toFixed(1)} ${units[power]}`;
}

export function formatTokens(tokens: number): string {
  if (tokens < 1_000) return String(tokens);
  return tokens < 1_000_000 ? `${(tokens / 1_000).toFixed(1)}k` : `${(tokens / 1_000_000).toFixed(2)}M`;
}

/** Money, and how much of it is unknown: unknown is never shown as 0. */
export function formatCost({ costUsd, unknownCostTurns }: { costUsd: number; unknownCostTurns: number }): string {
  const known = `$${costUsd.toFixed(4)}`;
  if (unknownCostTurns === 0) return known;
  return costUsd === 0 ? "cost unknown" : `${known} + ${countOf(unknownCostTurns, "turn")} of unknown cost`;
}
