// Public names of the agents package.
export type { AgentProblem } from "./agent-problem.ts";
export { suggest } from "./agent-problem.ts";
export { bodySections } from "./body-sections.ts";
export { agentLimits } from "./limits.ts";
export { builtInAgents, loadAgents } from "./load-agents.ts";
export type { LoadAgentsOptions, LoadedAgents } from "./load-agents.ts";
export { defaultCapabilities } from "./narrow-profile.ts";
export { agentPath, newAgentText } from "./new-agent.ts";
export { parseAgent } from "./parse-agent.ts";
export type { AgentFile, ParsedAgent } from "./parse-agent.ts";
export { buildSystemPrompt } from "./system-prompt.ts";
export type { SystemPromptInput } from "./system-prompt.ts";
