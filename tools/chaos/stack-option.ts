// The stack that a chaos run is asked for.
const stackNames = ["embedded", "rabbit", "kafka"] as const;
export type ChaosStack = (typeof stackNames)[number];

/** Absent or empty = embedded. Undefined for a name that is none. */
export function readStack(given: string | undefined): ChaosStack | undefined {
  if (given === undefined || given === "") return "embedded";
  return stackNames.find((name) => name === given);
}
