// Deficit round robin over tenants: in each round a tenant may be handed as many messages as its
// weight says. Pure. Every message costs the same, so that a deficit is what is left of a turn.

/** Whose turn it is, and how many messages are left of it. */
export type Turn = { tenantId: string; left: number };

/** Before anything was handed out. */
export const firstTurn: Turn = { tenantId: "", left: 0 };

export type WaitingTenant = { tenantId: string; messages: number };

export type ShareInput = {
  /** Tenants that have messages, each once, in any order. */
  waiting: readonly WaitingTenant[];
  /** Messages to hand out. */
  limit: number;
  /** Messages of a tenant in one round, a whole number from 1. */
  weightOf: (tenantId: string) => number;
  /** What the last call left. */
  turn: Turn;
};

export type Shares = {
  /** In the order in which the messages are handed out; a tenant may have several turns. */
  turns: WaitingTenant[];
  /** Where the next call goes on. */
  next: Turn;
};

const byName = (a: WaitingTenant, b: WaitingTenant) => (a.tenantId < b.tenantId ? -1 : 1);

/** The tenants as their turns come. */
function ringFrom(waiting: readonly WaitingTenant[], { tenantId, left }: Turn): WaitingTenant[] {
  const ring = waiting
    .filter(({ messages }) => messages > 0)
    .map((entry) => ({ ...entry }))
    .sort(byName);
  const isDue = (entry: WaitingTenant) => entry.tenantId > tenantId || (entry.tenantId === tenantId && left > 0);
  const start = ring.findIndex(isDue);
  return start === -1 ? ring : [...ring.slice(start), ...ring.slice(0, start)];
}

/** Shares out the next `limit` messages. A tenant that has none left loses the rest of its turn. */
export function shareOut({ waiting, limit, weightOf, turn }: ShareInput): Shares {
  const ring = ringFrom(waiting, turn);
  const turns: WaitingTenant[] = [];
  let next = turn;
  let room = limit;
  for (let at = ring.shift(); at !== undefined && room > 0; at = ring.shift()) {
    const { tenantId } = at;
    const isBegun = tenantId === next.tenantId && next.left > 0;
    const allowed = isBegun ? next.left : weightOf(tenantId);
    const messages = Math.min(allowed, at.messages, room);
    turns.push({ tenantId, messages });
    room -= messages;
    at.messages -= messages;
    next = { tenantId, left: at.messages > 0 ? allowed - messages : 0 };
    if (at.messages > 0 && next.left === 0) ring.push(at);
  }
  return { turns, next };
}
