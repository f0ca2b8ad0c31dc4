// Attacks on what a person sees before they decide.
import { describe, expect, it } from "vitest";

import { escapeSequences } from "./escape-sequences.attack.ts";
import { hiddenTail } from "./hidden-tail.attack.ts";
import { invisibleText } from "./invisible-text.attack.ts";

const attacks = [escapeSequences, invisibleText, hiddenTail].map(
  (attack) => [`${attack.id}: ${attack.title} {${attack.stride}} [${attack.layer}]`, attack] as const,
);

describe("card", () => {
  it.each(attacks)("%s", async (_title, attack) => {
    expect(await attack.attempt()).toEqual(attack.blocked());
  });
});

describe("without protection", () => {
  it.each(attacks)("%s", async (_title, { planted }) => {
    const outcome = "unsafe" in planted ? undefined : [await planted.attempt?.(), planted.gives()];
    expect(outcome?.[0]).toEqual(outcome?.[1]);
    expect(outcome).toBeDefined();
  });
});
