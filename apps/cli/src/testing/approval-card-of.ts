// A card as a person without colour sees it, for a request whose texts are an attacker's.
import { ApprovalRequest } from "@ossaat/contracts";
import type { ApprovalState } from "@ossaat/contracts";

import { renderApprovalCard } from "../terminal/approval-card.ts";
import { createStyle } from "../terminal/style.ts";

const request = ApprovalRequest.parse({
  approvalId: "appr-00000000-0000-4000-8000-000000000001",
  planId: "plan-00000000-0000-4000-8000-000000000001",
  stepId: "a",
  kind: "call",
  requestHash: "a".repeat(64),
  title: "Run a command",
  agent: "code-writer",
  risk: "low",
  reason: "changes nothing",
  reaches: { paths: [], hosts: [], secrets: [], reversible: true },
  expiresAt: "2026-01-02T00:00:00.000Z",
  requestedAt: "2026-01-01T00:00:00.000Z",
});

const nothing = { inputTokens: 0, outputTokens: 0, costUsd: 0, unknownCostTurns: 0, turns: 0 };

/** The card's text, as in screen-reader mode unless `style` says otherwise. */
export function approvalCardOf(
  changes: Partial<ApprovalState>,
  style: Parameters<typeof createStyle>[0] = { color: false, plain: true, wordsOnly: true },
): string {
  return renderApprovalCard(
    { ...request, status: "pending", ...changes },
    { goal: "Let it run", spend: nothing, budget: { maxCostUsd: 5 } },
    createStyle(style),
  );
}
