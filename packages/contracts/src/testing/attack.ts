// What an attack of the violation suites is: data with two runs, one against the protection, which
// must hold, and one without it, which must succeed. Without the second the first proves nothing.

/** What stands in the way, as the suite's table names it. */
export type AttackLayer =
  | "policy"
  | "runner check"
  | "hash"
  | "mount"
  | "seccomp"
  | "namespace"
  | "egress proxy"
  | "user"
  | "limit"
  | "environment"
  | "git hygiene"
  | "settling"
  | "report check"
  | "display escape";

/** Spoofing, tampering, repudiation, information disclosure, denial of service, elevation. */
export type Stride = "S" | "T" | "R" | "I" | "D" | "E";

export type Attack<Target> = {
  /** Stable name; also the file's name. */
  id: string;
  title: string;
  stride: Stride;
  layer: AttackLayer;
  /** Tries it and tells what happened, as plain data. */
  attempt(target: Target): Promise<unknown>;
  /** What `attempt` tells where the attack is held. */
  blocked(target: Target): unknown;
  /** The same with the protection off: what then happens, or why this machine is not to see it. */
  planted: { attempt?(target: Target): Promise<unknown>; gives(target: Target): unknown } | { unsafe: string };
};
