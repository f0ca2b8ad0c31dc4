import fc from "fast-check";
import { expect, test } from "vitest";

import { firstTurn, shareOut } from "./dispatch-rounds.ts";
import type { Turn, WaitingTenant } from "./dispatch-rounds.ts";

const equal = () => 1;
const wait = (tenantId: string, messages: number): WaitingTenant => ({ tenantId, messages });

test("tenants take turns, however much one of them has", () => {
  const waiting = [wait("flood", 10_000), wait("quiet", 2)];
  expect(shareOut({ waiting, limit: 5, weightOf: equal, turn: firstTurn })).toEqual({
    turns: [wait("flood", 1), wait("quiet", 1), wait("flood", 1), wait("quiet", 1), wait("flood", 1)],
    next: { tenantId: "flood", left: 0 },
  });
});

test("goes on where it stopped, in the middle of a turn", () => {
  const weightOf = (tenantId: string) => (tenantId === "a" ? 3 : 1);
  const waiting = [wait("a", 9), wait("b", 9), wait("c", 9)];
  const first = shareOut({ waiting, limit: 2, weightOf, turn: firstTurn });
  expect(first).toEqual({ turns: [wait("a", 2)], next: { tenantId: "a", left: 1 } });
  const second = shareOut({ waiting, limit: 4, weightOf, turn: first.next });
  expect(second).toEqual({
    turns: [wait("a", 1), wait("b", 1), wait("c", 1), wait("a", 1)],
    next: { tenantId: "a", left: 2 },
  });
});

test("a tenant whose messages are gone keeps nothing of its turn for later", () => {
  const { next } = shareOut({ waiting: [wait("a", 1)], limit: 9, weightOf: () => 5, turn: firstTurn });
  expect(next).toEqual({ tenantId: "a", left: 0 });
});

test("a turn of a tenant that is gone is the next one's", () => {
  const turn: Turn = { tenantId: "b", left: 3 };
  const { turns } = shareOut({ waiting: [wait("a", 1), wait("c", 1)], limit: 1, weightOf: equal, turn });
  expect(turns).toEqual([wait("c", 1)]);
});

/** Hands out `limits` of messages one after the other; the tenant of each message handed out. */
function handOut(input: {
  backlog: ReadonlyMap<string, number>;
  limits: readonly number[];
  weights: Map<string, number>;
}) {
  const backlog = new Map(input.backlog);
  const handed: string[] = [];
  let turn = firstTurn;
  for (const limit of input.limits) {
    // As the statements count: no further than one more than is asked for.
    const waiting = [...backlog].map(([tenantId, messages]) => wait(tenantId, Math.min(messages, limit + 1)));
    const { turns, next } = shareOut({ waiting, limit, weightOf: (id) => input.weights.get(id) ?? 1, turn });
    turn = next;
    for (const { tenantId, messages } of turns) {
      backlog.set(tenantId, (backlog.get(tenantId) ?? 0) - messages);
      for (let n = 0; n < messages; n += 1) handed.push(tenantId);
    }
  }
  return { handed, backlog };
}

const tenantNames = ["a", "b", "c", "d", "e", "f"] as const;
const weights = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 6, maxLength: 6 });
const limits = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 60 });
const named = (counts: readonly number[]) => new Map(tenantNames.map((name, n) => [name, counts[n] ?? 0] as const));

test("property: shares of tenants that always wait follow their weights, to within one turn", () => {
  fc.assert(
    fc.property(weights, limits, (chosen, asked) => {
      const { handed } = handOut({
        backlog: named(tenantNames.map(() => 100_000)),
        limits: asked,
        weights: named(chosen),
      });
      const round = chosen.reduce((sum, weight) => sum + weight, 0);
      const whole = Math.floor(handed.length / round);
      for (const [name, weight] of named(chosen)) {
        const share = handed.filter((tenantId) => tenantId === name).length;
        expect(share).toBeGreaterThanOrEqual(whole * weight);
        expect(share).toBeLessThanOrEqual((whole + 1) * weight);
      }
    }),
  );
});

test("property: nobody waits for longer than one round of the others, and nothing is handed out twice", () => {
  const backlogs = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(backlogs, weights, limits, (counts, chosen, asked) => {
      const backlog = named(counts);
      const { handed, backlog: rest } = handOut({ backlog, limits: asked, weights: named(chosen) });
      const total = counts.reduce((sum, count) => sum + count, 0);
      const wanted = asked.reduce((sum, limit) => sum + limit, 0);
      expect(handed.length).toBe(Math.min(total, wanted));
      const round = chosen.reduce((sum, weight) => sum + weight, 0);
      for (const [name, count] of backlog) {
        const places = handed.flatMap((tenantId, place) => (tenantId === name ? [place] : []));
        expect(count - places.length).toBe(rest.get(name));
        if ((rest.get(name) ?? 0) > 0) places.push(handed.length);
        const gaps = places.map((place, n) => place - (places[n - 1] ?? -1) - 1);
        expect(Math.max(0, ...gaps)).toBeLessThanOrEqual(round - (named(chosen).get(name) ?? 1));
      }
    }),
  );
});
