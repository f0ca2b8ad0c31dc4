// Named limits of agent profiles.
export const agentLimits = {
  /** Bytes of one agent.md: it becomes part of every prompt of its agent. */
  maxProfileBytes: 64 * 1024,
  /** Profiles of one repository; the user's own folder is trusted and has no such limit. */
  maxProfiles: 64,
  /** Bytes of a repository's guidance that a prompt carries. */
  maxGuidanceBytes: 16 * 1024,
} as const;
