// Colours and symbols, always paired with a word.
import { styleText } from "node:util";

import type { PlanStatus, StepStatus } from "@ossaat/contracts";

type Format = Parameters<typeof styleText>[0];

export type Style = {
  paint(format: Format, text: string): string;
  status(status: PlanStatus | StepStatus): string;
  bar: string;
  /** Of the terminal, for what breaks prose into lines; undefined = nothing is broken. */
  columns: number | undefined;
};

const looks: Readonly<
  Record<PlanStatus | StepStatus, { symbol: string; ascii: string; format: Format; word: string }>
> = {
  draft: { symbol: "◌", ascii: ".", format: "cyan", word: "planning" },
  awaiting_approval: { symbol: "?", ascii: "?", format: "yellow", word: "needs you" },
  rejected: { symbol: "✗", ascii: "x", format: "red", word: "rejected" },
  pending: { symbol: "◌", ascii: ".", format: "cyan", word: "pending" },
  running: { symbol: "●", ascii: "*", format: "blue", word: "running" },
  paused: { symbol: "‖", ascii: "=", format: "yellow", word: "paused" },
  cancelling: { symbol: "◌", ascii: ".", format: "yellow", word: "cancelling" },
  succeeded: { symbol: "✓", ascii: "+", format: "green", word: "done" },
  failed: { symbol: "✗", ascii: "x", format: "red", word: "failed" },
  cancelled: { symbol: "–", ascii: "-", format: "gray", word: "cancelled" },
  blocked: { symbol: "·", ascii: ".", format: "gray", word: "waits" },
  ready: { symbol: "◌", ascii: ".", format: "cyan", word: "ready" },
  backoff: { symbol: "↻", ascii: "~", format: "yellow", word: "retries" },
  needs_reconcile: { symbol: "!", ascii: "!", format: "red", word: "look at it" },
  skipped: { symbol: "–", ascii: "-", format: "gray", word: "skipped" },
};

type StyleOptions = {
  color: boolean;
  plain: boolean;
  wordsOnly: boolean;
  /** Of the terminal; absent = nothing is broken into lines. */
  columns?: number | undefined;
};

export function createStyle({ color, plain, wordsOnly, columns }: StyleOptions): Style {
  const paint: Style["paint"] = (format, text) => (color ? styleText(format, text, { validateStream: false }) : text);
  const bar = wordsOnly ? "" : plain ? "| " : "│ ";
  return {
    paint,
    bar,
    columns,
    status(status) {
      const { symbol, ascii, format, word } = looks[status];
      return paint(format, wordsOnly ? word : `${plain ? ascii : symbol} ${word}`);
    },
  };
}
