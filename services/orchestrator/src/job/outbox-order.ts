// What the two kinds of claims on the outbox have in common: order, turns, removal.
import type { Store } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import { firstTurn, shareOut } from "./dispatch-rounds.ts";
import type { Turn, WaitingTenant } from "./dispatch-rounds.ts";

type Urgency = Pick<OutboxRow, "id" | "priority" | "available_at">;

/**
 * `available_at` orders messages and holds none back: it is the past when it is written, and lies
 * ahead only when the clock was set back.
 */
export function byUrgency(a: Urgency, b: Urgency): number {
  const order = b.priority - a.priority || a.available_at - b.available_at;
  return order === 0 ? (a.id < b.id ? -1 : 1) : order;
}

/** Puts each tenant's messages in the order of its turns. */
export function inTurns<T extends { tenant_id: string }>(turns: readonly WaitingTenant[], messages: readonly T[]): T[] {
  const rest = Map.groupBy(messages, (message) => message.tenant_id);
  return turns.flatMap(({ tenantId, messages: count }) => rest.get(tenantId)?.splice(0, count) ?? []);
}

/** Whose turn it is in each pool, in one process: it is lost with the process, which harms nobody. */
export class TenantTurns {
  readonly #turns = new Map<string, Turn>();
  readonly #weights: ReadonlyMap<string, number>;

  constructor(weights: Readonly<Record<string, number>> = {}) {
    this.#weights = new Map(Object.entries(weights));
  }

  /** The tenant that is looked for first. */
  from(pool: string): string {
    return this.#turnOf(pool).tenantId;
  }

  share(pool: string, { waiting, limit }: { waiting: readonly WaitingTenant[]; limit: number }) {
    const weightOf = (tenantId: string) => this.#weights.get(tenantId) ?? 1;
    return shareOut({ waiting, limit, weightOf, turn: this.#turnOf(pool) });
  }

  /** Told once what was shared out is claimed. */
  moveOn(pool: string, turn: Turn): void {
    this.#turns.set(pool, turn);
  }

  #turnOf(pool: string): Turn {
    return this.#turns.get(pool) ?? firstTurn;
  }
}

export async function removeRows(store: Store, messages: readonly { id: string }[]): Promise<void> {
  const ids = messages.map(({ id }) => id);
  if (ids.length === 0) return;
  // The claim of a step has mostly taken its message out already, and then there is nothing to commit.
  const left = await store.read.selectFrom("outbox").select("id").where("id", "in", ids).execute();
  if (left.length === 0) return;
  await store.tx((tx) => tx.deleteFrom("outbox").where("id", "in", ids).execute());
}
