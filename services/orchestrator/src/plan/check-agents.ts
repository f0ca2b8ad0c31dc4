// Whether the agents a request allows exist and can do the work.
import { AgentError } from "@ossaat/contracts";
import type { AgentProfile } from "@ossaat/contracts";

/** Names of allowed agents that may change files, `code-writer` first. */
export function writersAmong(allowed: readonly string[], profiles: ReadonlyMap<string, AgentProfile>): string[] {
  const writers = allowed.filter((name) => profiles.get(name)?.capabilities.includes("repo.write") === true);
  return writers.toSorted((a, b) => Number(b === "code-writer") - Number(a === "code-writer"));
}

/** @throws AgentError invalid_input naming unknown agents, or when none of them can write */
export function checkAgents(allowed: readonly string[], profiles: ReadonlyMap<string, AgentProfile>): void {
  const known = [...profiles.keys()].toSorted();
  const unknown = allowed.filter((name) => !profiles.has(name));
  if (unknown.length > 0) {
    throw new AgentError("invalid_input", `There is no agent ${unknown.join(", ")}: known are ${known.join(", ")}.`, {
      details: { next: "run `ossaat agents`, or write one with `ossaat new-agent`" },
    });
  }
  if (writersAmong(allowed, profiles).length > 0) return;
  throw new AgentError("invalid_input", "None of the named agents may change files.", {
    details: {
      next: `add one that has repo.write: ${writersAmong(known, profiles).join(", ")}; \`ossaat agents\` lists all`,
    },
  });
}
