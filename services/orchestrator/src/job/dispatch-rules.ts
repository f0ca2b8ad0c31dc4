// How the work of tenants is shared out: their weights in a round, and how much may run at once.

/** Steps that may run at once; absent = any number. */
export type RunningCaps = {
  /** Of one tenant. */
  tenant?: number | undefined;
  /** Of one tenant on one repository. */
  repository?: number | undefined;
  /** Of one plan. */
  plan?: number | undefined;
};

export type CapKind = keyof RunningCaps;

export type DispatchRules = {
  /** Messages of a tenant in one round, whole numbers; 1 for a tenant that is not named. */
  weights?: Readonly<Record<string, number>> | undefined;
  caps?: RunningCaps | undefined;
};
