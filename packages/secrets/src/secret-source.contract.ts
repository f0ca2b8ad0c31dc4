// What every source of secrets must do.
import type { SecretSource } from "@ossaat/contracts";
import { afterEach, describe, expect, test } from "vitest";

export type SecretSourceUnderTest = {
  /** Holds `npm`, with the value `canary-1` for registry.example.org in `authorization`, and nothing else. */
  source: SecretSource;
  /** Changes the value behind the source's back. */
  rotate(value: string): Promise<void>;
  remove(): Promise<void>;
};

export function describeSecretSource(name: string, open: () => Promise<SecretSourceUnderTest>): void {
  describe(`${name} as SecretSource`, () => {
    let subject: SecretSourceUnderTest;
    afterEach(() => subject.remove());

    test("finds a secret by its name, with its place and no value to be seen", async () => {
      subject = await open();
      const found = await subject.source.find("npm");
      expect({ ...found, reveal: found?.reveal() }).toEqual({
        name: "npm",
        hosts: ["registry.example.org"],
        header: "authorization",
        reveal: "Bearer canary-1",
      });
      expect(JSON.stringify(found)).not.toContain("canary-1");
    });

    test.each(["other", "__proto__", "constructor", "toString"])("has no %s", async (unknown) => {
      subject = await open();
      expect(await subject.source.find(unknown)).toBeUndefined();
    });

    test("gives the newest value", async () => {
      subject = await open();
      await subject.rotate("canary-2");
      expect((await subject.source.find("npm"))?.reveal()).toBe("Bearer canary-2");
    });
  });
}
