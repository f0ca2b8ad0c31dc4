// A path to a runner under test: in this process or over the wire.
import { AgentError } from "@ossaat/contracts";
import type { ToolService, WorkspaceService } from "@ossaat/contracts";
import { expect } from "vitest";

export type Services = { tools: ToolService; workspaces: WorkspaceService };

/** Puts the path under test in front of a runner. */
export type Connect = (services: Services) => Promise<Services & { close(): Promise<void> }>;

/** What a call is refused with. */
export async function refusal(work: Promise<unknown>): Promise<AgentError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AgentError);
  return thrown as AgentError;
}
