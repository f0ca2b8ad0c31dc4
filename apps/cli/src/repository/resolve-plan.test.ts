import { createClient } from "@ossaat/client";
import { describe, expect, test } from "vitest";

import type { CommandContext } from "../command-context.ts";
import { resolvePlanId } from "./resolve-plan.ts";

const first = "plan-9820a135-7db9-4c3e-8a51-0d2f6b7c8e90";
const second = "plan-77aa0001-1111-4c3e-8a51-0d2f6b7c8e90";
const third = "plan-77aa0001-2222-4c3e-8a51-0d2f6b7c8e90";
const older = "plan-0badcafe";
const likeOlder = "plan-0badcafe-2222-4c3e-8a51-0d2f6b7c8e90";

/** A server with these plans. */
function serverOf(...ids: string[]) {
  return createClient({
    baseUrl: () => "http://127.0.0.1:1",
    token: () => "t",
    fetch: async () =>
      Response.json({
        schemaVersion: 1,
        plans: ids.map((id) => ({ id })),
      }),
  });
}

const client = serverOf(likeOlder, first, second, third, older);
const find = (text: string) => resolvePlanId(client, {} as CommandContext, text);

describe("a plan is found by the beginning of its id", () => {
  test.each([first, first.slice("plan-".length), "plan-9820a135", "9820a135", "plan-9820", "9", "plan-9820a135-7"])(
    "%s",
    async (text) => {
      expect(await find(text)).toBe(first);
    },
  );

  test("of a whole id, longer ones are not meant", async () => {
    expect([await find(older), await find("0badcafe"), await find(likeOlder)]).toEqual([older, older, likeOlder]);
  });

  test("8 digits that begin two ids name both", async () => {
    await expect(find("plan-77aa0001")).rejects.toMatchObject({
      code: "invalid_input",
      message: '"plan-77aa0001" is the beginning of 2 plans.',
      details: { plans: [second, third] },
    });
  });

  test("8 digits that begin none are no plan", async () => {
    await expect(find("plan-12345678")).rejects.toMatchObject({
      code: "not_found",
      message: 'There is no plan "plan-12345678".',
    });
  });
});
