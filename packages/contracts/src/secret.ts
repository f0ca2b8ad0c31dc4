// Secrets by name: no shape of the product carries a value. A value goes from its source to the
// egress proxy alone, which adds it to requests that leave the box.
import { z } from "zod";

/** Name of a secret, as an envelope lists it. */
export const SecretName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u, "letters, digits, dots, - and _");

/**
 * A secret with where it may go. The place belongs to the secret and not to the plan: a plan
 * chooses whether a secret is used, never whom it is shown to.
 */
export type BoundSecret = {
  name: string;
  /** Hosts that get it, as entries of an allow-list without method and path; over https only. */
  hosts: readonly string[];
  /** Request header it is sent in. */
  header: string;
  /** Gives the header's whole value; called once for a request. */
  reveal: () => string;
};

/**
 * Where values come from. Implemented outside of the tool runner, which knows this shape only.
 * `find` gives undefined for a name that is not there.
 * @throws AgentError unavailable when the source cannot be read
 */
export type SecretSource = { find(name: string): Promise<BoundSecret | undefined> };
