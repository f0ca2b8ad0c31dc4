// Makes tests of attacks: against a driver each must be held and leave the right record, and
// without the protection each must succeed, else holding it proves nothing.
import { describe, expect, it } from "vitest";

import { openTarget } from "./attack-target.ts";
import type { AttackTarget, AttackedDriver, RunnerAttack } from "./attack-target.ts";

async function against(driver: AttackedDriver, attack: RunnerAttack, work: (target: AttackTarget) => Promise<void>) {
  const target = await openTarget(driver, attack);
  try {
    await work(target);
  } finally {
    await target.close();
  }
}

function title({ id, title: text, stride, layer }: RunnerAttack): string {
  return `${id}: ${text} {${stride}} [${layer}]`;
}

/** Attacks of one kind against one driver, under its name for the table. A driver that does not work here gives its reason. */
export function describeAttacks(
  name: string,
  driver: AttackedDriver | { unusable: string },
  attacks: readonly RunnerAttack[],
): void {
  const reason = "unusable" in driver ? ` (skipped: ${driver.unusable})` : "";
  describe.skipIf("unusable" in driver)(`${name}${reason}`, () => {
    it.each(attacks.map((attack) => [title(attack), attack] as const))("%s", async (_title, attack) => {
      if ("unusable" in driver) throw new Error(driver.unusable);
      await against(driver, attack, async (target) => {
        expect(await attack.attempt(target)).toEqual(attack.blocked(target));
        const refusals = target.audit.flat().map(({ layer, rule }) => [layer, rule]);
        const { audit, egress } = target;
        // Requests that are under way at once are told in no order.
        expect({ calls: audit.length > 0, refusals, egress: egress.toSorted() }).toEqual({
          calls: true,
          refusals: attack.audit(target),
          egress: [...(attack.egress?.(target) ?? [])].sort(),
        });
      });
    });
  });
}

/** The same attacks where nothing protects: each must succeed, or say why no machine is to see it. */
export function describePlanted(driver: AttackedDriver, attacks: readonly RunnerAttack[]): void {
  describe("without protection", () => {
    it.each(attacks.map((attack) => [title(attack), attack] as const))("%s", async (_title, attack) => {
      const { planted } = attack;
      if ("unsafe" in planted) {
        expect(planted.unsafe.length).toBeGreaterThan(20);
        return;
      }
      await against(driver, attack, async (target) => {
        const outcome = planted.attempt === undefined ? attack.attempt(target) : planted.attempt(target);
        expect(await outcome).toEqual(planted.gives(target));
      });
    });
  });
}
