// The closed capability vocabulary. A tool without a capability is offered to no model.
import { z } from "zod";

/** Capabilities an agent profile or a tool may name. */
export const AgentCapability = z.enum([
  "repo.read",
  "repo.write",
  "test.run",
  "network.egress",
  "github.write",
  "release.publish",
]);
export type AgentCapability = z.infer<typeof AgentCapability>;

/** Capabilities that belong to people and services, never to agent profiles. */
export const PersonCapability = z.enum([
  "plan.create",
  "plan.read",
  "plan.approve",
  "chat.interact",
  "secrets.manage",
  "cases.read",
  "cases.manage",
  "workflows.read",
  "policy.read",
  "policy.enforce",
  "queue.read",
  "queue.manage",
]);
export type PersonCapability = z.infer<typeof PersonCapability>;

/** Text for people, and what policy does when nothing else is said. */
export const capabilityTable: Readonly<Record<AgentCapability, { label: string; defaultRule: "auto" | "approval" }>> = {
  "repo.read": { label: "Read files of the workspace", defaultRule: "auto" },
  "repo.write": { label: "Change files in the workspace", defaultRule: "approval" },
  "test.run": { label: "Run project commands in the sandbox", defaultRule: "auto" },
  "network.egress": { label: "Reach a network host", defaultRule: "approval" },
  "github.write": { label: "Push a branch or open a pull request", defaultRule: "approval" },
  "release.publish": { label: "Publish an artefact", defaultRule: "approval" },
};
