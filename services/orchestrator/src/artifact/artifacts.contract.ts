// What every artifact store must do.
import { sha256Hex } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { load, maxInlineBytes, store } from "./artifacts.ts";
import type { Artifacts } from "./artifacts.ts";

export type ArtifactsUnderTest = {
  artifacts: Artifacts;
  /** Another handle on the same data, as after a restart. */
  reopen(): Artifacts;
  /** Changes what is kept under a name behind the store's back. */
  damage(ref: string): Promise<void>;
  remove(): Promise<void>;
};

export function describeArtifacts(name: string, open: () => Promise<ArtifactsUnderTest>): void {
  describe(`${name} as Artifacts`, () => {
    let subject: ArtifactsUnderTest;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.remove());

    test.each(["", "text", "日本語 🎉\n\u0000", "x".repeat(3_000_000)])(
      "gives a text back by its hash %#",
      async (text) => {
        const { ref, bytes } = await subject.artifacts.put(text);
        expect([ref, bytes]).toEqual([sha256Hex(text), Buffer.byteLength(text)]);
        expect([await subject.artifacts.get(ref), await subject.reopen().get(ref)]).toEqual([text, text]);
      },
    );

    test("putting the same text again, also at once, is harmless", async () => {
      const texts = Array.from({ length: 20 }, (_, n) => `text ${n % 4}`);
      const refs = await Promise.all(texts.map((text) => subject.artifacts.put(text)));
      expect(new Set(refs.map(({ ref }) => ref)).size).toBe(4);
      expect(await Promise.all(refs.map(({ ref }) => subject.artifacts.get(ref)))).toEqual(texts);
    });

    test("an unknown name is not found, a name that is none is refused", async () => {
      await expect(subject.artifacts.get("a".repeat(64))).rejects.toMatchObject({ code: "not_found" });
      for (const ref of ["", "../../etc/passwd", "A".repeat(64), `${"a".repeat(64)}/x`]) {
        await expect(subject.artifacts.get(ref)).rejects.toMatchObject({ code: "invalid_input" });
      }
    });

    test("a damaged text is never given out", async () => {
      const { ref } = await subject.artifacts.put("the truth");
      await subject.damage(ref);
      await expect(subject.artifacts.get(ref)).rejects.toMatchObject({ code: "internal" });
    });

    test("a small value stays inline, a large one goes by reference, both come back", async () => {
      const small = { text: "x".repeat(maxInlineBytes - 20) };
      const large = { text: "ä".repeat(maxInlineBytes) };
      const kept = await store(subject.artifacts, small);
      const referred = await store(subject.artifacts, large);
      expect([kept, Object.keys(referred).sort()]).toEqual([{ value: small }, ["bytes", "ref"]]);
      expect([await load(subject.artifacts, kept), await load(subject.artifacts, referred)]).toEqual([small, large]);
    });
  });
}
