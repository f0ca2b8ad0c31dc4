// The control tool that ends an agent's step, and what it reports.
import { StepResult } from "@ossaat/contracts";
import type { ToolDefinition } from "@ossaat/providers";
import { z } from "zod";

const Finding = z.looseObject({
  severity: z.enum(["info", "low", "medium", "high"]),
  path: z.string().optional(),
  line: z.int().optional(),
  message: z.string().min(1),
});

const FinishReport = z.looseObject({
  summary: z.string().describe("What was done, or what stops you, in a few sentences"),
  findings: z.array(Finding).optional().describe("Only for reviews: what a person should know"),
});

export const finishTool: ToolDefinition = {
  name: "finish",
  description: "End this step. The platform then checks the result itself.",
  inputSchema: z.toJSONSchema(FinishReport, { io: "input" }) as Record<string, unknown>,
};

/** The part of a step's result that comes from the agent's own words. */
export function reportResult(report: unknown, text: string): Pick<StepResult, "summary" | "findings"> {
  const parsed = FinishReport.safeParse(report);
  const summary = (parsed.success ? parsed.data.summary : text).slice(0, 8_000);
  const findings = parsed.success ? parsed.data.findings : undefined;
  return StepResult.pick({ summary: true, findings: true }).parse(
    findings === undefined ? { summary } : { summary, findings },
  );
}
