// Claims on outbox rows: who hands out which message now, so that nobody else does. For all that
// hand messages out: the embedded queue and the relay to a broker. A claim is a courtesy that saves
// work; that no step runs twice is the fence's business. Tenants take turns; each one's messages go
// by priority, then by age.
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import { memoryClaims } from "./claim-in-memory.ts";
import { rowClaims } from "./claim-in-rows.ts";

export type ClaimedMessage = Pick<OutboxRow, "id" | "envelope_json" | "claimed_until">;

export type ClaimSource = { pool: string; limit: number; forMs: number };

export type OutboxClaims = {
  /**
   * The next messages of a pool, tenant after tenant as their turns come, which nobody else gets for
   * `forMs`. A holder that dies needs to do nothing: its claims run out, by the database's clock when it is shared.
   */
  take(from: ClaimSource): Promise<ClaimedMessage[]>;
  /** Lets anybody take the messages `afterMs` from now; one that another took meanwhile stays with it. */
  giveBack(messages: readonly ClaimedMessage[], afterMs?: number): Promise<void>;
  /** Deletes messages that were handed out; one that is gone already is fine. */
  remove(messages: readonly Pick<ClaimedMessage, "id">[]): Promise<void>;
};

export type ClaimDeps = {
  store: Store;
  clock: Clock;
  /** Messages of a tenant in one round, a whole number; 1 for a tenant that is not named. */
  weights?: Readonly<Record<string, number>> | undefined;
};

/** The claims of this process on the outbox of `store`. */
export function createOutboxClaims(deps: ClaimDeps): OutboxClaims {
  return deps.store.isShared ? rowClaims(deps) : memoryClaims(deps);
}
